namespace KvStore.Raft;

/// <summary>The kinds of messages, with etcd-io/raft's names and numbers.</summary>
public enum MessageType
{
    /// <summary>Local: campaign.</summary>
    Hup = 0,

    /// <summary>Local: the leader's heartbeat is due.</summary>
    Beat = 1,

    /// <summary>A proposal, forwarded to the leader.</summary>
    Prop = 2,

    /// <summary>AppendEntries (thesis §3.5).</summary>
    App = 3,
    AppResp = 4,

    /// <summary>RequestVote (thesis §3.4).</summary>
    Vote = 5,
    VoteResp = 6,

    /// <summary>InstallSnapshot (thesis §5.3).</summary>
    Snap = 7,
    Heartbeat = 8,
    HeartbeatResp = 9,

    /// <summary>Local: the transport lost a message to the peer.</summary>
    Unreachable = 10,

    /// <summary>Local: the transport knows how the snapshot's transfer ended.</summary>
    SnapStatus = 11,

    /// <summary>Local: the leader looks whether a quorum still answers.</summary>
    CheckQuorum = 12,

    /// <summary>Asks the leader to hand over; From is the one to take over (thesis §3.10).</summary>
    TransferLeader = 13,

    /// <summary>The leader tells its successor to campaign at once.</summary>
    TimeoutNow = 14,

    /// <summary>A read's request for an index (thesis §6.4); Context is the reader's.</summary>
    ReadIndex = 15,
    ReadIndexResp = 16,

    /// <summary>Would you vote for me? (thesis §9.6)</summary>
    PreVote = 17,
    PreVoteResp = 18,

    /// <summary>Local: work for the append thread; its Responses are stepped or sent when it is durable.</summary>
    StorageAppend = 19,
    StorageAppendResp = 20,

    /// <summary>Local: work for the apply thread; its Responses are stepped when it is applied.</summary>
    StorageApply = 21,
    StorageApplyResp = 22,

    /// <summary>Local: forget the leader, so that an election can be won at once.</summary>
    ForgetLeader = 23,
}
