namespace KvStore.Compatibility.Tests.Requests;

/// <summary>An answer that ours gives otherwise than etcd 3.5.30, and means to.</summary>
/// <remarks>
/// Not compared at all, because etcd itself does not always do the same:
/// <list type="bullet">
/// <item>HashKV of a revision that was compacted to: etcd answers from the hash it took then, with the compaction before.</item>
/// <item>The id of a watch that a compaction ended: etcd keeps it until the client cancels the watch, too; ours frees it.</item>
/// <item>History that etcd has ready before it has announced its watch goes out in one message even where fragments are allowed.</item>
/// <item>The order of keys that are equal by the sort's target, and of a lease's keys.</item>
/// </list>
/// </remarks>
/// <param name="Reason">Why ours is right.</param>
/// <param name="Answer">What ours says, as <see cref="MessageText"/> writes it; REVISION stands for the current one.</param>
/// <param name="IsDeadlyToEtcd">The request is not sent to the real one.</param>
internal sealed record Departure(string Reason, string Answer, bool IsDeadlyToEtcd)
{
    private const string InvalidSort = "InvalidArgument: etcdserver: invalid sort option";

    public static readonly Departure UnknownSortTarget = new(
        "3.5.30 ends with a nil pointer, alone and in a transaction; 3.6 refuses", InvalidSort, IsDeadlyToEtcd: true);

    public static readonly Departure UnknownSortOrder = new(
        "3.5.30 passes it over; 3.6 refuses it together with unknown targets", InvalidSort, IsDeadlyToEtcd: false);

    public static readonly Departure PutThatKeepsWhatWasDeleted = new(
        "3.5.30 applies the delete of all keys from one on and then ends over the put; ours refuses the transaction",
        "InvalidArgument: etcdserver: duplicate key given in txn request",
        IsDeadlyToEtcd: true);

    public static readonly Departure UnknownAlarmAction = new(
        "3.5.30 ends with a nil pointer; to ours it asks for nothing, as unknown alarm types do",
        "{ header { cluster_id: set member_id: set revision: REVISION raft_term: set } }",
        IsDeadlyToEtcd: true);
}
