namespace KvStore.Mvcc.Commands;

/// <summary>What a command does; the numbers stand in the log and never change.</summary>
public enum CommandKind : byte
{
    /// <summary>No command: a log entry of zeros is refused, not misread.</summary>
    None = 0,
    Put = 1,
    DeleteRange = 2,
    Txn = 3,
    Compaction = 4,

    LeaseGrant = 16,
    LeaseRevoke = 17,
    /// <summary>The leader's: what is left of leases.</summary>
    LeaseCheckpoint = 18,

    /// <summary>The leader's: a lease has run out.</summary>
    LeaseExpire = 19,

    Alarm = 32,

    // Each carries a Member message; of it counts what the name says.
    MemberAdd = 48,
    MemberRemove = 49,
    MemberPeerUrls = 50,
    MemberPromote = 51,
    MemberAttributes = 52,
}
