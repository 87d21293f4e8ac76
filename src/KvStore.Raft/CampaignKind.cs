namespace KvStore.Raft;

internal enum CampaignKind
{
    /// <summary>Ask first (thesis §9.6).</summary>
    PreElection,
    Election,

    /// <summary>The leader asked for it: no pre-vote, and nobody's lease stands in the way (thesis §3.10, §6.2).</summary>
    Transfer,
}
