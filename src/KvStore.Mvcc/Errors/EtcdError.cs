using static KvStore.Mvcc.Errors.StatusCode;

namespace KvStore.Mvcc.Errors;

/// <summary>A refusal as etcd words it: clients compare <see cref="Text"/> first and trust <see cref="Code"/> then.</summary>
/// <remarks>This is the one table of refusals; the texts are part of the protocol and never change.</remarks>
public sealed class EtcdError
{
    // Requests that can never succeed as they are.
    public static readonly EtcdError KeyNotProvided = Etcd(InvalidArgument, "key is not provided");
    public static readonly EtcdError KeyNotFound = Etcd(InvalidArgument, "key not found");
    public static readonly EtcdError ValueProvided = Etcd(InvalidArgument, "value is provided");
    public static readonly EtcdError LeaseProvided = Etcd(InvalidArgument, "lease is provided");
    public static readonly EtcdError TooManyOperations = Etcd(InvalidArgument, "too many operations in txn request");
    public static readonly EtcdError DuplicateKey = Etcd(InvalidArgument, "duplicate key given in txn request");
    public static readonly EtcdError InvalidClientApiVersion = Etcd(InvalidArgument, "invalid client api version");
    public static readonly EtcdError InvalidSortOption = Etcd(InvalidArgument, "invalid sort option");
    public static readonly EtcdError InvalidMemberUrls = Etcd(InvalidArgument, "given member URLs are invalid");
    public static readonly EtcdError RequestTooLarge = Etcd(InvalidArgument, "request is too large");
    public static readonly EtcdError UserEmpty = Etcd(InvalidArgument, "user name is empty");
    public static readonly EtcdError RoleEmpty = Etcd(InvalidArgument, "role name is empty");
    public static readonly EtcdError AuthFailed = Etcd(InvalidArgument, "authentication failed, invalid user ID or password");
    public static readonly EtcdError PermissionNotGiven = Etcd(InvalidArgument, "permission not given");
    public static readonly EtcdError InvalidAuthManagement = Etcd(InvalidArgument, "invalid auth management");
    public static readonly EtcdError AuthOldRevision = Etcd(InvalidArgument, "revision of auth store is old");
    public static readonly EtcdError WrongDowngradeVersionFormat =
        Etcd(InvalidArgument, "wrong downgrade target version format");
    public static readonly EtcdError InvalidDowngradeTarget = Etcd(InvalidArgument, "invalid downgrade target version");

    // Revisions and leases.
    public static readonly EtcdError Compacted = Etcd(OutOfRange, "mvcc: required revision has been compacted");
    public static readonly EtcdError FutureRevision = Etcd(OutOfRange, "mvcc: required revision is a future revision");
    public static readonly EtcdError LeaseTtlTooLarge = Etcd(OutOfRange, "too large lease TTL");
    public static readonly EtcdError LeaseNotFound = Etcd(NotFound, "requested lease not found");
    public static readonly EtcdError LeaseExists = Etcd(FailedPrecondition, "lease already exists");

    // Membership.
    public static readonly EtcdError MemberNotFound = Etcd(NotFound, "member not found");
    public static readonly EtcdError MemberExists = Etcd(FailedPrecondition, "member ID already exist");
    public static readonly EtcdError PeerUrlsExist = Etcd(FailedPrecondition, "Peer URLs already exists");
    public static readonly EtcdError NotEnoughStartedMembers =
        Etcd(FailedPrecondition, "re-configuration failed due to not enough started members");
    public static readonly EtcdError MemberNotLearner = Etcd(FailedPrecondition, "can only promote a learner member");
    public static readonly EtcdError LearnerNotReady =
        Etcd(FailedPrecondition, "can only promote a learner member which is in sync with leader");
    public static readonly EtcdError TooManyLearners = Etcd(FailedPrecondition, "too many learner members in cluster");
    public static readonly EtcdError ClusterIdMismatch = Etcd(FailedPrecondition, "cluster ID mismatch");
    public static readonly EtcdError NotLeader = Etcd(FailedPrecondition, "not leader");
    public static readonly EtcdError NotCapable = Etcd(FailedPrecondition, "not capable");
    public static readonly EtcdError NotSupportedForLearner = Etcd(FailedPrecondition, "rpc not supported for learner");
    public static readonly EtcdError BadLeaderTransferee = Etcd(FailedPrecondition, "bad leader transferee");
    public static readonly EtcdError ClusterVersionUnavailable =
        Etcd(FailedPrecondition, "cluster version not found during downgrade");
    public static readonly EtcdError DowngradeInProgress =
        Etcd(FailedPrecondition, "cluster has a downgrade job in progress");
    public static readonly EtcdError NoInflightDowngrade = Etcd(FailedPrecondition, "no inflight downgrade job");

    // Users and roles.
    public static readonly EtcdError RootUserNotExist = Etcd(FailedPrecondition, "root user does not exist");
    public static readonly EtcdError RootRoleNotExist = Etcd(FailedPrecondition, "root user does not have root role");
    public static readonly EtcdError UserAlreadyExist = Etcd(FailedPrecondition, "user name already exists");
    public static readonly EtcdError UserNotFound = Etcd(FailedPrecondition, "user name not found");
    public static readonly EtcdError RoleAlreadyExist = Etcd(FailedPrecondition, "role name already exists");
    public static readonly EtcdError RoleNotFound = Etcd(FailedPrecondition, "role name not found");
    public static readonly EtcdError RoleNotGranted = Etcd(FailedPrecondition, "role is not granted to the user");
    public static readonly EtcdError PermissionNotGranted =
        Etcd(FailedPrecondition, "permission is not granted to the role");
    public static readonly EtcdError AuthNotEnabled = Etcd(FailedPrecondition, "authentication is not enabled");
    public static readonly EtcdError PermissionRefused = Etcd(PermissionDenied, "permission denied");
    public static readonly EtcdError InvalidAuthToken = Etcd(Unauthenticated, "invalid auth token");

    // The member's or the cluster's state.
    public static readonly EtcdError NoSpace = Etcd(ResourceExhausted, "mvcc: database space exceeded");
    public static readonly EtcdError TooManyRequests = Etcd(ResourceExhausted, "too many requests");
    public static readonly EtcdError Corrupt = Etcd(DataLoss, "corrupt cluster");
    public static readonly EtcdError NoLeader = Etcd(Unavailable, "no leader");
    public static readonly EtcdError LeaderChanged = Etcd(Unavailable, "leader changed");
    public static readonly EtcdError Stopped = Etcd(Unavailable, "server stopped");
    public static readonly EtcdError Timeout = Etcd(Unavailable, "request timed out");
    public static readonly EtcdError TimeoutLeaderFailed =
        Etcd(Unavailable, "request timed out, possibly due to previous leader failure");
    public static readonly EtcdError TimeoutConnectionLost =
        Etcd(Unavailable, "request timed out, possibly due to connection lost");
    public static readonly EtcdError TimeoutAppliedIndex =
        Etcd(Unavailable, "request timed out, waiting for the applied index took too long");
    public static readonly EtcdError TimeoutLeaderTransfer = Etcd(Unavailable, "request timed out, leader transfer took too long");
    public static readonly EtcdError Unhealthy = Etcd(Unavailable, "unhealthy cluster");
    public static readonly EtcdError WatchCanceled = Etcd(Canceled, "watch canceled");
    public static readonly EtcdError RequestCanceled = Etcd(Canceled, "request canceled");

    // What etcd's own map of errors lacks reaches clients as Unknown and without its prefix.
    public static readonly EtcdError NoElectionLeader = new(Unknown, "election: no leader");
    public static readonly EtcdError NotElectionLeader = new(Unknown, "election: not leader");
    public static readonly EtcdError NotPrimaryLessor = new(Unknown, "not a primary lessor");
    public static readonly EtcdError ContextDeadlineExceeded = new(DeadlineExceeded, "context deadline exceeded");

    // Cancel reasons of a watch; they travel in the answer, not as a status.
    public static readonly EtcdError DuplicateWatchId =
        new(InvalidArgument, "mvcc: duplicate watch ID provided on the WatchStream");
    public static readonly EtcdError EmptyWatcherRange = new(InvalidArgument, "mvcc: watcher range is empty");

    private EtcdError(StatusCode code, string text)
    {
        Code = code;
        Text = text;
    }

    public StatusCode Code { get; }

    public string Text { get; }

    public override string ToString() => $"{Code}: {Text}";

    /// <summary>The refusal that another member sent as its text; null when that is none of these.</summary>
    public static EtcdError? Find(string text) => typeof(EtcdError)
        .GetFields(System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.Static)
        .Select(field => field.GetValue(null)).OfType<EtcdError>().FirstOrDefault(error => error.Text == text);

    private static EtcdError Etcd(StatusCode code, string text) => new(code, "etcdserver: " + text);
}
