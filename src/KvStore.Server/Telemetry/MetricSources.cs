using KvStore.Server.Peers;

namespace KvStore.Server.Telemetry;

/// <summary>What the member already knows and a scrape asks for: to be quick, and safe from any thread.</summary>
public sealed record MetricSources
{
    public Func<bool> HasLeader { get; init; } = () => false;

    public Func<bool> IsLeader { get; init; } = () => false;

    public Func<bool> IsLearner { get; init; } = () => false;

    /// <summary>In hexadecimal; null while it is not known.</summary>
    public Func<string?> ServerId { get; init; } = () => null;

    /// <summary>Major and minor, such as 3.6; null while it is not decided.</summary>
    public Func<string?> ClusterVersion { get; init; } = () => null;

    public Func<long> LeaderChanges { get; init; } = () => 0;

    public Func<long> ProposalsCommitted { get; init; } = () => 0;

    public Func<long> ProposalsApplied { get; init; } = () => 0;

    public Func<long> ProposalsPending { get; init; } = () => 0;

    public Func<long> QuotaBytes { get; init; } = () => 0;

    public Func<long> DatabaseBytes { get; init; } = () => 0;

    public Func<long> DatabaseBytesInUse { get; init; } = () => 0;

    public Func<long> OpenReadTransactions { get; init; } = () => 0;

    public Func<long> WalBytesWritten { get; init; } = () => 0;

    public Func<bool> IsApplyingSnapshot { get; init; } = () => false;

    public Func<long> CurrentRevision { get; init; } = () => 0;

    public Func<long> CompactRevision { get; init; } = () => -1;

    public Func<long> Keys { get; init; } = () => 0;

    public Func<long> Watchers { get; init; } = () => 0;

    public Func<long> WatchStreams { get; init; } = () => 0;

    /// <summary>Watchers that read history to catch up.</summary>
    public Func<long> SlowWatchers { get; init; } = () => 0;

    public Func<long> PendingEvents { get; init; } = () => 0;

    /// <summary>Events sent to watchers.</summary>
    public Func<long> EventsSent { get; init; } = () => 0;

    /// <summary>Values whose space compaction gave back.</summary>
    public Func<long> CompactedValues { get; init; } = () => 0;

    public Func<IReadOnlyList<PeerStatus>> Peers { get; init; } = () => [];

    public Func<long> AuthRevision { get; init; } = () => 1;
}
