using System.Diagnostics.Metrics;
using KvStore.Protocol;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using KvStore.Server.Peers;

namespace KvStore.Server.Telemetry;

/// <summary>All that a member measures, under etcd's names, so that etcd's dashboards and alerts work.</summary>
/// <remarks>
/// What is counted often is a <see cref="Tally"/> (a few ns), what the member knows anyway is asked for when scraped, and only
/// what happens per batch or per slow thing is a histogram (about 30 ns).
/// </remarks>
public sealed class ServerMetrics : IDisposable
{
    public const string MeterName = "KvStore.Server";

    private static readonly Measurement<long>[] None = [];

    private readonly Meter _meter;
    private readonly Histogram<double> _walFsync;
    private readonly Histogram<double> _walWrite;
    private readonly Histogram<double> _backendCommit;
    private readonly Histogram<double> _defrag;
    private readonly Histogram<double> _snapshot;
    private readonly Histogram<double> _hash;
    private readonly Histogram<double> _hashRevision;
    private readonly Histogram<double> _apply;
    private readonly Histogram<double> _leaseTtl;
    private readonly Histogram<double> _indexCompactionPause;
    private readonly Histogram<double> _compactionPause;
    private readonly Histogram<double> _compactionTotal;
    private readonly Histogram<double> _roundTrip;
    private int _defragmenting;
    private long _lastCompaction;

    /// <param name="sources">What the member knows; read at each scrape.</param>
    /// <param name="methods">All RPCs of the server.</param>
    /// <param name="isExtensive">With histograms of the time that each RPC takes.</param>
    public ServerMetrics(MetricSources sources, IReadOnlyList<GrpcMethod> methods, bool isExtensive)
    {
        _meter = new Meter(MeterName);
        Grpc = new GrpcMetrics(_meter, methods, isExtensive);
        ClientRequests = new ClientRequestMetrics(_meter);
        Health = new HealthMetrics(_meter);
        ProcessMetrics.Register(_meter);

        double[] disk = Buckets.Exponential(.001, 2, 14);
        _walFsync = Histogram("etcd_disk_wal_fsync_duration_seconds", "Time of one sync of the write-ahead log.", disk);
        _walWrite = Histogram("etcd_disk_wal_write_duration_seconds", "Time of one write to the write-ahead log.", disk);
        _backendCommit = Histogram("etcd_disk_backend_commit_duration_seconds", "Time of one checkpoint of the store.", disk);
        _defrag = Histogram(
            "etcd_disk_backend_defrag_duration_seconds", "Time of one defragmentation.", Buckets.Exponential(.1, 2, 13));
        _snapshot = Histogram(
            "etcd_disk_backend_snapshot_duration_seconds", "Time of one snapshot.", Buckets.Exponential(.01, 2, 17));
        double[] hashing = Buckets.Exponential(.01, 2, 15);
        _hash = Histogram("etcd_mvcc_hash_duration_seconds", "Time of hashing the store.", hashing);
        _hashRevision = Histogram("etcd_mvcc_hash_rev_duration_seconds", "Time of hashing the store at a revision.", hashing);
        _apply = Histogram(
            "etcd_server_apply_duration_seconds", "Time of applying a request.", Buckets.Exponential(.0001, 2, 20));
        _leaseTtl = Histogram("etcd_debugging_lease_ttl_total", "Times to live that leases were granted with.",
            Buckets.Exponential(1, 2, 24));
        _indexCompactionPause = Histogram("etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds",
            "Time for which one step of a compaction holds the key index.", Buckets.Exponential(.5, 2, 14));
        _compactionPause = Histogram("etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds",
            "Time for which one step of a compaction holds the store.", Buckets.Exponential(1, 2, 13));
        _compactionTotal = Histogram("etcd_debugging_mvcc_db_compaction_total_duration_milliseconds",
            "Time of one compaction.", Buckets.Exponential(100, 2, 14));

        _roundTrip = Histogram("etcd_network_peer_round_trip_time_seconds", "Time of a ping to a peer and its answer.",
            Buckets.Exponential(.0001, 2, 16));

        RegisterTallies();
        RegisterServer(sources);
        RegisterStore(sources);
        RegisterPeers(sources);
    }

    public GrpcMetrics Grpc { get; }

    public ClientRequestMetrics ClientRequests { get; }

    public HealthMetrics Health { get; }

    /// <summary>Proposals that ended without being committed.</summary>
    public Tally ProposalsFailed { get; } = new();

    /// <summary>Requests that took longer to apply than --warning-apply-duration.</summary>
    public Tally SlowApplies { get; } = new();

    public Tally SlowReadIndexes { get; } = new();

    public Tally ReadIndexesFailed { get; } = new();

    public Tally HeartbeatSendFailures { get; } = new();

    public Tally Puts { get; } = new();

    public Tally Deletes { get; } = new();

    public Tally Ranges { get; } = new();

    public Tally Txns { get; } = new();

    /// <summary>Bytes of keys and values put.</summary>
    public Tally PutBytes { get; } = new();

    public Tally LearnersPromoted { get; } = new();

    public Tally LeasesGranted { get; } = new();

    public Tally LeasesRenewed { get; } = new();

    public Tally LeasesRevoked { get; } = new();

    public Tally LeasesExpired { get; } = new();

    public Tally ClientBytesReceived { get; } = new();

    public Tally ClientBytesSent { get; } = new();

    public void RecordWalFsync(TimeSpan took) => _walFsync.Record(took.TotalSeconds);

    public void RecordWalWrite(TimeSpan took) => _walWrite.Record(took.TotalSeconds);

    public void RecordCheckpoint(TimeSpan took) => _backendCommit.Record(took.TotalSeconds);

    /// <summary>The operations that a transaction came to; it counts as one only where they are several, as etcd has it.</summary>
    public void CountTxn(TxnResponse txn)
    {
        if (CountOperations(txn) > 1)
            Txns.Increment();
    }

    public void BeginDefrag() => Interlocked.Increment(ref _defragmenting);

    public void EndDefrag(TimeSpan took)
    {
        Interlocked.Decrement(ref _defragmenting);
        _defrag.Record(took.TotalSeconds);
    }

    public void RecordSnapshot(TimeSpan took) => _snapshot.Record(took.TotalSeconds);

    public void RecordHash(TimeSpan took) => _hash.Record(took.TotalSeconds);

    public void RecordHashAtRevision(TimeSpan took) => _hashRevision.Record(took.TotalSeconds);

    public void RecordLeaseTtl(long seconds) => _leaseTtl.Record(seconds);

    public void RecordIndexCompactionPause(TimeSpan took) => _indexCompactionPause.Record(took.TotalMilliseconds);

    public void RecordCompactionPause(TimeSpan took) => _compactionPause.Record(took.TotalMilliseconds);

    public void RecordCompaction(TimeSpan took, DateTimeOffset ended)
    {
        _compactionTotal.Record(took.TotalMilliseconds);
        Volatile.Write(ref _lastCompaction, ended.ToUnixTimeSeconds());
    }

    public void RecordRoundTrip(string peer, TimeSpan took) => _roundTrip.Record(took.TotalSeconds, new KeyValuePair<string, object?>("To", peer));

    /// <param name="operation">As etcd names it: Put, Range, DeleteRange, Txn, Compaction, LeaseGrant and so on.</param>
    public void RecordApply(string operation, bool success, TimeSpan took) =>
        _apply.Record(
            took.TotalSeconds, new("version", "v3"), new("op", operation), new("success", success ? "true" : "false"));

    public void Dispose() => _meter.Dispose();

    private int CountOperations(TxnResponse txn)
    {
        int count = 0;
        foreach (var response in txn.Responses)
        {
            switch (response.ResponseCase)
            {
                case ResponseOp.ResponseOneofCase.ResponseRange: Ranges.Increment(); break;
                case ResponseOp.ResponseOneofCase.ResponsePut: Puts.Increment(); break;
                case ResponseOp.ResponseOneofCase.ResponseDeleteRange: Deletes.Increment(); break;
                case ResponseOp.ResponseOneofCase.ResponseTxn: count += CountOperations(response.ResponseTxn) - 1; break;
            }
            count++;
        }
        return count;
    }

    private Histogram<double> Histogram(string name, string description, double[] bounds) =>
        _meter.CreateHistogram(
            name, unit: null, description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });

    private void RegisterTallies()
    {
        Counter("etcd_server_proposals_failed_total", "Proposals that failed.", ProposalsFailed);
        Counter("etcd_server_slow_apply_total", "Requests that were slow to apply.", SlowApplies);
        Counter("etcd_server_slow_read_indexes_total", "Read indexes that were slow to confirm.", SlowReadIndexes);
        Counter("etcd_server_read_indexes_failed_total", "Read indexes that failed.", ReadIndexesFailed);
        Counter("etcd_server_heartbeat_send_failures_total", "Heartbeats that could not be sent in time.", HeartbeatSendFailures);
        Counter("etcd_server_learner_promote_successes", "Learners that this member made voters.", LearnersPromoted);
        Counter("etcd_mvcc_put_total", "Puts applied.", Puts);
        Counter("etcd_mvcc_delete_total", "Deletes applied.", Deletes);
        Counter("etcd_mvcc_range_total", "Ranges read.", Ranges);
        Counter("etcd_mvcc_txn_total", "Transactions applied.", Txns);
        Counter("etcd_debugging_lease_granted_total", "Leases granted.", LeasesGranted);
        Counter("etcd_debugging_lease_renewed_total", "Leases renewed.", LeasesRenewed);
        Counter("etcd_debugging_lease_revoked_total", "Leases revoked.", LeasesRevoked);
        Counter("etcd_debugging_server_lease_expired_total", "Leases expired.", LeasesExpired);
        Counter("etcd_network_client_grpc_received_bytes_total", "Bytes received from gRPC clients.", ClientBytesReceived);
        Counter("etcd_network_client_grpc_sent_bytes_total", "Bytes sent to gRPC clients.", ClientBytesSent);
        Gauge("etcd_debugging_mvcc_total_put_size_in_bytes", "Bytes of the keys and values put.", () => PutBytes.Value);
        _meter.CreateObservableCounter(
            "kvstore_log_lines_lost_total", () => LostLines.Total, unit: null, "Log lines that an output did not take.");
    }

    private void RegisterServer(MetricSources sources)
    {
        Flag("etcd_server_has_leader", "Whether there is a leader.", sources.HasLeader);
        Flag("etcd_server_is_leader", "Whether this member is the leader.", sources.IsLeader);
        Flag("etcd_server_is_learner", "Whether this member is a learner.", sources.IsLearner);
        Flag("etcd_server_snapshot_apply_in_progress_total", "Whether a snapshot is being applied.", sources.IsApplyingSnapshot);
        Flag("etcd_disk_defrag_inflight", "Whether the store is being defragmented.", () => Volatile.Read(ref _defragmenting) > 0);
        Named("etcd_server_id", "1 for this member's id.", "server_id", sources.ServerId);
        Named("etcd_server_version", "1 for the version that runs.", "server_version", () => ServerVersion.Etcd);
        Named("etcd_cluster_version", "1 for the cluster's version.", "cluster_version", sources.ClusterVersion);
        Named("kvstore_version", "1 for the version of our own that runs.", "version", () => ServerVersion.Own);
        _meter.CreateObservableCounter(
            "etcd_server_leader_changes_seen_total", sources.LeaderChanges, unit: null, "Changes of the leader seen.");
        // These two only grow, but are gauges to etcd.
        Gauge("etcd_server_proposals_committed_total", "Index of the last committed entry.", sources.ProposalsCommitted);
        Gauge("etcd_server_proposals_applied_total", "Index of the last applied entry.", sources.ProposalsApplied);
        Gauge("etcd_server_proposals_pending", "Proposals that wait to be committed.", sources.ProposalsPending);
        Gauge("etcd_server_quota_backend_bytes", "Size at which the NOSPACE alarm is raised.", sources.QuotaBytes);
        Gauge("etcd_debugging_auth_revision", "Revision of the users and roles.", sources.AuthRevision);
    }

    private void RegisterStore(MetricSources sources)
    {
        Gauge("etcd_mvcc_db_total_size_in_bytes", "Bytes that the store takes on disk.", sources.DatabaseBytes);
        Gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "Bytes of it that hold live data.", sources.DatabaseBytesInUse);
        Gauge("etcd_mvcc_db_open_read_transactions", "Reads under way.", sources.OpenReadTransactions);
        Gauge("etcd_disk_wal_write_bytes_total", "Bytes written to the write-ahead log.", sources.WalBytesWritten);
        Gauge("etcd_debugging_mvcc_current_revision", "Current revision.", sources.CurrentRevision);
        Gauge("etcd_debugging_mvcc_compact_revision", "Revision of the last compaction.", sources.CompactRevision);
        Gauge("etcd_debugging_mvcc_db_compaction_last", "Unix time of the last compaction.", () => Volatile.Read(ref _lastCompaction));
        Gauge("etcd_debugging_mvcc_keys_total", "Keys.", sources.Keys);
        Gauge("etcd_debugging_mvcc_watcher_total", "Watchers.", sources.Watchers);
        Gauge("etcd_debugging_mvcc_watch_stream_total", "Watch streams.", sources.WatchStreams);
        Gauge("etcd_debugging_mvcc_slow_watcher_total", "Watchers that are catching up.", sources.SlowWatchers);
        Gauge("etcd_debugging_mvcc_pending_events_total", "Events that wait to be sent.", sources.PendingEvents);
        _meter.CreateObservableCounter("etcd_debugging_mvcc_events_total", sources.EventsSent, unit: null, "Events sent to watchers.");
        _meter.CreateObservableCounter(
            "etcd_debugging_mvcc_db_compaction_keys_total", sources.CompactedValues, unit: null, "Revisions removed by compaction.");
    }

    private void RegisterPeers(MetricSources sources)
    {
        PeerCounter("peer_sent_bytes_total", "Bytes sent to a peer.", "To", counters => counters.SentBytes);
        PeerCounter("peer_received_bytes_total", "Bytes received from a peer.", "From", counters => counters.ReceivedBytes);
        PeerCounter("peer_sent_failures_total", "Messages to a peer that were lost.", "To", counters => counters.SentFailures);
        PeerCounter("peer_received_failures_total", "Streams of a peer that ended in an error.", "From", counters => counters.ReceivedFailures);
        PeerCounter("disconnected_peers_total", "How often the way to a peer was lost.", "Remote", counters => counters.Disconnections);
        PeerCounter("snapshot_send_success", "Snapshots sent to a peer.", "To", counters => counters.SnapshotsSent);
        PeerCounter("snapshot_send_failures", "Snapshots to a peer that failed.", "To", counters => counters.SnapshotSendFailures);
        PeerCounter("snapshot_receive_success", "Snapshots received from a peer.", "From", counters => counters.SnapshotsReceived);
        PeerCounter("snapshot_receive_failures", "Snapshots from a peer that failed.", "From", counters => counters.SnapshotReceiveFailures);
        _meter.CreateObservableGauge(
            "etcd_network_active_peers", () => OfPeers("Remote", peer => peer.ActiveSince is null ? 0 : 1), unit: null, "Whether a peer can be reached.");

        void PeerCounter(string name, string description, string label, Func<PeerCounters, Tally> tally) => _meter.CreateObservableCounter(
            "etcd_network_" + name, () => OfPeers(label, peer => tally(peer.Counters).Value), unit: null, description);

        // Where it says who is remote, it says who is local too.
        IEnumerable<Measurement<long>> OfPeers(string label, Func<PeerStatus, long> value) => sources.Peers().Select(peer =>
            label == "Remote"
                ? new Measurement<long>(value(peer), new("Local", sources.ServerId()), new(label, peer.Id.ToString()))
                : new Measurement<long>(value(peer), new KeyValuePair<string, object?>(label, peer.Id.ToString())));
    }

    private void Counter(string name, string description, Tally tally) =>
        _meter.CreateObservableCounter(name, () => tally.Value, unit: null, description);

    private void Gauge(string name, string description, Func<long> read) =>
        _meter.CreateObservableGauge(name, read, unit: null, description);

    private void Flag(string name, string description, Func<bool> read) => Gauge(name, description, () => read() ? 1 : 0);

    /// <summary>A text shown as the label of a 1; nothing while there is no text.</summary>
    private void Named(string name, string description, string label, Func<string?> read) =>
        _meter.CreateObservableGauge(
            name,
            () => read() is { } text ? [new Measurement<long>(1, new KeyValuePair<string, object?>(label, text))] : None,
            unit: null, description);
}
