using System.Text;
using KvStore.Protocol;
using KvStore.Server.Configuration;
using KvStore.Server.Telemetry;

namespace KvStore.Server.Tests.Telemetry;

/// <summary>What a scrape shows, from the instruments through the SDK to the text.</summary>
/// <remarks>One collection: the SDK listens to all meters of a name in the process.</remarks>
[Collection(TelemetryCollection.Name)]
public sealed class ServerMetricsTests : IDisposable
{
    private readonly List<IDisposable> _made = [];

    public void Dispose() => _made.ForEach(made => made.Dispose());

    private static IReadOnlyList<GrpcMethod> Methods => GrpcMethod.AllOf([RpcReflection.Descriptor, HealthReflection.Descriptor]);

    private (ServerMetrics Metrics, TelemetryExport Export) Make(MetricSources? sources = null, bool isExtensive = false)
    {
        ServerOptions options = ConfigurationReader.FromFlags(isExtensive ? ["--metrics=extensive"] : []);
        var export = new TelemetryExport(options.Telemetry, options.Name);
        var metrics = new ServerMetrics(sources ?? new MetricSources(), Methods, isExtensive);
        _made.AddRange([export, metrics]);
        return (metrics, export);
    }

    private static async Task<string[]> ScrapeAsync(TelemetryExport export) =>
        Encoding.UTF8.GetString(await export.ScrapeAsync(CancellationToken.None)).Split('\n');

    [Fact]
    public async Task Counts_and_what_the_member_knows_are_shown_under_etcds_names()
    {
        (ServerMetrics metrics, TelemetryExport export) = Make(new MetricSources
        {
            HasLeader = () => true,
            ServerId = () => "8e9e05c52164694d",
            ClusterVersion = () => "3.6",
            ProposalsApplied = () => 42,
            QuotaBytes = () => 2L << 30,
        });
        metrics.Puts.Add(3);
        metrics.ClientRequests.CountUnary("3.6");
        metrics.Health.Count("readyz", "non_learner", isHealthy: true);

        string[] lines = await ScrapeAsync(export);

        Assert.Contains("# TYPE etcd_mvcc_put_total counter", lines);
        Assert.Contains("etcd_mvcc_put_total 3", lines);
        Assert.Contains("# TYPE etcd_server_has_leader gauge", lines);
        Assert.Contains("etcd_server_has_leader 1", lines);
        Assert.Contains("etcd_server_is_leader 0", lines);
        Assert.Contains("etcd_server_id{server_id=\"8e9e05c52164694d\"} 1", lines);
        Assert.Contains("etcd_server_version{server_version=\"3.6.14\"} 1", lines);
        Assert.Contains("etcd_cluster_version{cluster_version=\"3.6\"} 1", lines);
        Assert.Contains("# TYPE etcd_server_proposals_applied_total gauge", lines);
        Assert.Contains("etcd_server_proposals_applied_total 42", lines);
        Assert.Contains("etcd_server_quota_backend_bytes 2147483648", lines);
        Assert.Contains("etcd_debugging_mvcc_compact_revision -1", lines);
        Assert.Contains("etcd_server_client_requests_total{client_api_version=\"3.6\",type=\"unary\"} 1", lines);
        Assert.Contains("etcd_server_healthcheck{name=\"non_learner\",type=\"readyz\"} 1", lines);
        Assert.Contains("etcd_server_healthchecks_total{name=\"non_learner\",status=\"success\",type=\"readyz\"} 1", lines);
        Assert.Contains(lines, line => line.StartsWith("process_resident_memory_bytes "));
        Assert.Contains(lines, line => line.StartsWith("process_open_fds "));
        Assert.Contains(lines, line => line.StartsWith("dotnet_gc_collections_total{"));
    }

    [Fact]
    public async Task What_is_not_known_yet_is_not_shown()
    {
        (_, TelemetryExport export) = Make();

        Assert.DoesNotContain(await ScrapeAsync(export), line => line.StartsWith("etcd_server_id{") || line.StartsWith("etcd_cluster_version{"));
    }

    [Fact]
    public async Task Every_method_is_there_from_the_start_with_every_code()
    {
        (_, TelemetryExport export) = Make();

        string[] lines = await ScrapeAsync(export);

        Assert.Contains("grpc_server_started_total{grpc_method=\"Range\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 0", lines);
        Assert.Contains("grpc_server_started_total{grpc_method=\"Watch\",grpc_service=\"etcdserverpb.Watch\",grpc_type=\"bidi_stream\"} 0", lines);
        Assert.Contains(
            "grpc_server_started_total{grpc_method=\"Snapshot\",grpc_service=\"etcdserverpb.Maintenance\",grpc_type=\"server_stream\"} 0", lines);
        Assert.Equal(17 * Methods.Count, lines.Count(line => line.StartsWith("grpc_server_handled_total{")));
        Assert.DoesNotContain(lines, line => line.Contains("otel_metric_overflow"));
        Assert.DoesNotContain(lines, line => line.StartsWith("grpc_server_handling_seconds"));
    }

    [Fact]
    public async Task Calls_are_counted_by_method_and_code()
    {
        (ServerMetrics metrics, TelemetryExport export) = Make(isExtensive: true);
        GrpcMethodMetrics range = metrics.Grpc.Find("/etcdserverpb.KV/Range")!;
        range.Started();
        range.Started();
        range.Handled(0, TimeSpan.FromMilliseconds(7));
        range.Handled(11, TimeSpan.FromSeconds(3));
        range.Handled(99, TimeSpan.Zero);

        string[] lines = await ScrapeAsync(export);

        const string tags = "grpc_method=\"Range\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"";
        Assert.Contains($"grpc_server_started_total{{{tags}}} 2", lines);
        Assert.Contains($"grpc_server_handled_total{{grpc_code=\"OK\",{tags}}} 1", lines);
        Assert.Contains($"grpc_server_handled_total{{grpc_code=\"OutOfRange\",{tags}}} 1", lines);
        Assert.Contains($"grpc_server_handled_total{{grpc_code=\"Unknown\",{tags}}} 1", lines);
        Assert.Contains($"grpc_server_handling_seconds_bucket{{{tags},le=\"0.005\"}} 1", lines);
        Assert.Contains($"grpc_server_handling_seconds_bucket{{{tags},le=\"0.01\"}} 2", lines);
        Assert.Contains($"grpc_server_handling_seconds_bucket{{{tags},le=\"+Inf\"}} 3", lines);
        Assert.Contains($"grpc_server_handling_seconds_count{{{tags}}} 3", lines);
        Assert.Null(metrics.Grpc.Find("/etcdserverpb.KV/Nope"));
    }

    [Fact]
    public async Task Disk_histograms_have_etcds_buckets()
    {
        (ServerMetrics metrics, TelemetryExport export) = Make();
        metrics.RecordWalFsync(TimeSpan.FromMilliseconds(3));
        metrics.RecordCheckpoint(TimeSpan.FromSeconds(1));
        metrics.RecordApply("Put", success: true, TimeSpan.FromMilliseconds(.15));

        string[] lines = await ScrapeAsync(export);

        Assert.Equal(
            ["0.001", "0.002", "0.004", "0.008", "0.016", "0.032", "0.064", "0.128", "0.256", "0.512", "1.024", "2.048", "4.096",
                "8.192", "+Inf"],
            lines.Where(line => line.StartsWith("etcd_disk_wal_fsync_duration_seconds_bucket")).Select(line => line.Split('"')[1]));
        Assert.Contains("etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.002\"} 0", lines);
        Assert.Contains("etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.004\"} 1", lines);
        Assert.Contains("etcd_disk_wal_fsync_duration_seconds_sum 0.003", lines);
        Assert.Contains("etcd_disk_backend_commit_duration_seconds_count 1", lines);
        Assert.Contains("etcd_server_apply_duration_seconds_bucket{op=\"Put\",success=\"true\",version=\"v3\",le=\"0.0002\"} 1", lines);
    }

    [Fact]
    public async Task Clients_cannot_fill_the_memory_with_versions_of_their_own()
    {
        (ServerMetrics metrics, TelemetryExport export) = Make();
        for (int i = 0; i < 1000; i++)
            metrics.ClientRequests.CountStream($"v{i}");
        metrics.ClientRequests.CountStream(null);

        string[] lines = await ScrapeAsync(export);

        string[] series = [.. lines.Where(line => line.StartsWith("etcd_server_client_requests_total{"))];
        Assert.Equal(ClientRequestMetrics.VersionLimit + 1, series.Length);
        Assert.Contains("etcd_server_client_requests_total{client_api_version=\"other\",type=\"stream\"} 937", series);
    }

    [Fact]
    public async Task Scrapes_at_the_same_time_each_get_the_whole()
    {
        (ServerMetrics metrics, TelemetryExport export) = Make();
        metrics.Puts.Increment();

        string[][] all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => ScrapeAsync(export))));

        Assert.All(all, lines => Assert.Single(lines, line => line == "etcd_mvcc_put_total 1"));
    }

    /// <summary>What dashboards and alerts for etcd ask for, beside what only peers and snapshots have.</summary>
    [Fact]
    public async Task The_names_that_dashboards_ask_for_are_there()
    {
        (ServerMetrics metrics, TelemetryExport export) = Make();
        metrics.RecordWalFsync(TimeSpan.Zero);
        metrics.RecordCheckpoint(TimeSpan.Zero);
        string[] wanted =
        [
            "etcd_server_has_leader", "etcd_server_leader_changes_seen_total", "etcd_server_is_leader",
            "etcd_server_proposals_committed_total", "etcd_server_proposals_applied_total", "etcd_server_proposals_pending",
            "etcd_server_proposals_failed_total", "etcd_server_quota_backend_bytes", "etcd_mvcc_db_total_size_in_bytes",
            "etcd_mvcc_db_total_size_in_use_in_bytes", "etcd_disk_wal_fsync_duration_seconds_bucket",
            "etcd_disk_backend_commit_duration_seconds_bucket", "etcd_network_client_grpc_sent_bytes_total",
            "etcd_network_client_grpc_received_bytes_total", "grpc_server_started_total", "grpc_server_handled_total",
            "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_cpu_seconds_total",
            "etcd_server_slow_apply_total", "etcd_server_slow_read_indexes_total", "etcd_server_read_indexes_failed_total",
            "etcd_server_heartbeat_send_failures_total", "etcd_server_health_success", "etcd_server_health_failures",
            "etcd_debugging_mvcc_watcher_total", "etcd_debugging_mvcc_watch_stream_total", "etcd_debugging_mvcc_slow_watcher_total",
            "etcd_debugging_mvcc_events_total", "etcd_debugging_mvcc_pending_events_total", "etcd_debugging_mvcc_keys_total",
            "etcd_debugging_mvcc_current_revision", "etcd_debugging_mvcc_compact_revision", "etcd_server_version",
            "os_fd_used", "os_fd_limit", "etcd_mvcc_put_total", "etcd_mvcc_delete_total", "etcd_mvcc_range_total", "etcd_mvcc_txn_total",
            "process_start_time_seconds", "process_virtual_memory_bytes", "etcd_server_is_learner",
        ];

        string[] lines = await ScrapeAsync(export);

        HashSet<string> names = [.. lines.Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split(' ', '{')[0])];
        Assert.Empty(wanted.Except(names));
    }
}
