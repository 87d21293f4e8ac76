namespace KvStore.Client;

/// <summary>Texts by which a server refuses, to hold against <see cref="EtcdException.Text"/>.</summary>
public static class EtcdErrors
{
    public const string Compacted = "etcdserver: mvcc: required revision has been compacted";
    public const string FutureRevision = "etcdserver: mvcc: required revision is a future revision";
    public const string NoSpace = "etcdserver: mvcc: database space exceeded";
    public const string TooManyRequests = "etcdserver: too many requests";
    public const string RequestTooLarge = "etcdserver: request is too large";
    public const string TooManyOperations = "etcdserver: too many operations in txn request";
    public const string DuplicateKey = "etcdserver: duplicate key given in txn request";
    public const string KeyNotFound = "etcdserver: key not found";
    public const string LeaseNotFound = "etcdserver: requested lease not found";
    public const string LeaseExists = "etcdserver: lease already exists";
    public const string MemberNotFound = "etcdserver: member not found";
    public const string NoLeader = "etcdserver: no leader";
    public const string NotLeader = "etcdserver: not leader";
    public const string PermissionDenied = "etcdserver: permission denied";
    public const string AuthenticationFailed = "etcdserver: authentication failed, invalid user ID or password";
    public const string AuthNotEnabled = "etcdserver: authentication is not enabled";
    public const string InvalidAuthToken = "etcdserver: invalid auth token";
    public const string AuthOldRevision = "etcdserver: revision of auth store is old";
    public const string UserEmpty = "etcdserver: user name is empty";
    public const string NotSupportedForLearner = "etcdserver: rpc not supported for learner";
    public const string ElectionNoLeader = "election: no leader";
}
