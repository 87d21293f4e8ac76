using KvStore.Server.Configuration;
using KvStore.Server.Telemetry;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>Answers the scrape's questions once the member is there: metrics exist before it, so that none is missed.</summary>
internal sealed class MemberMetricSources
{
    public MemberMetricSources()
    {
        Sources = new MetricSources
        {
            HasLeader = () => Member?.HasLeader ?? false,
            IsLeader = () => Member?.IsLeader ?? false,
            IsLearner = () => Member?.IsLearner ?? false,
            IsApplyingSnapshot = () => Member?.IsApplyingSnapshot ?? false,
            ServerId = () => Member?.Options.MemberId.Value.ToString("x"),
            ClusterVersion = () => Member is { HasLeader: true } ? ServerVersion.Cluster[..ServerVersion.Cluster.LastIndexOf('.')] : null,
            LeaderChanges = () => Member?.LeaderChanges ?? 0,
            ProposalsCommitted = () => (long)(Member?.Leadership.CommitIndex ?? 0),
            ProposalsApplied = () => (long)(Member?.State.AppliedIndex ?? 0),
            ProposalsPending = () => Member?.PendingProposals ?? 0,
            QuotaBytes = () => Member?.Options.QuotaBytes ?? 0,
            DatabaseBytes = () => Member?.DatabaseBytes ?? 0,
            DatabaseBytesInUse = () => Member?.DatabaseBytes ?? 0,
            WalBytesWritten = () => Member?.LogBytes ?? 0,
            CurrentRevision = () => Member?.State.Store.CurrentRevision ?? 0,
            CompactRevision = () => Member?.State.Store.CompactRevision ?? -1,
            Keys = () => Member?.State.Store.Index.KeyCount ?? 0,
            Watchers = () => Member?.Watches.WatcherCount ?? 0,
            WatchStreams = () => Member?.Watches.StreamCount ?? 0,
            SlowWatchers = () => Member?.Watches.BehindCount ?? 0,
            PendingEvents = () => Member?.Watches.PendingEvents ?? 0,
            EventsSent = () => Member?.Watches.EventsSent ?? 0,
            CompactedValues = () => Member?.State.Store.ReclaimedValues ?? 0,
            OpenReadTransactions = () => Member?.State.Store.Values.OpenReaders ?? 0,
            Peers = () => Network?.Peers ?? [],
        };
    }

    public Member? Member { get; set; }

    public PeerNetwork? Network { get; set; }

    public MetricSources Sources { get; }
}
