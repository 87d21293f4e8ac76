namespace KvStore.Raft;

public enum ReadOnlyOption
{
    /// <summary>A quorum confirms the leadership for each batch of reads (thesis §6.4): independent of clocks.</summary>
    Safe,

    /// <summary>
    /// The leader trusts its lease (thesis §6.4.1): no round trip, but wrong when clocks drift. Needs CheckQuorum.
    /// </summary>
    LeaseBased,
}
