using KvStore.Compatibility.Tests.Etcdctl;
using KvStore.Compatibility.Tests.Servers;
using KvStore.Testing;

namespace KvStore.Compatibility.Tests.Metrics;

/// <summary>Dashboards and alerts made for etcd find in a scrape of ours what they find in one of etcd's.</summary>
public sealed class MetricsTests
{
    /// <summary>Of these scripts the metrics tell: nearly all that one member does.</summary>
    private static readonly string[] Scripts = ["put", "get", "delete", "txn", "watch", "lease", "compaction", "maintenance"];

    /// <summary>What is etcd's inside, or belongs to a part of it that has no counterpart here.</summary>
    private static readonly string[] OnlyEtcds =
    [
        "etcd_debugging_disk_backend_commit_", "etcd_debugging_snap_save_", "etcd_debugging_store_", "etcd_debugging_mvcc_range_total",
        "etcd_disk_backend_snapshot_duration_seconds", "etcd_grpc_proxy_", "etcd_server_go_version", "etcd_snap_",
    ];

    /// <summary>What etcd may have counted where ours need not have: it gives the space of what is compacted back at once, and the others
    /// tell that a machine was busy.</summary>
    private static readonly string[] EtcdsOwn =
    [
        "etcd_debugging_mvcc_db_compaction_keys_total", "etcd_server_slow_apply_total", "etcd_server_slow_read_indexes_total",
        "etcd_server_read_indexes_failed_total", "etcd_server_heartbeat_send_failures_total",
    ];

    /// <summary>Of what goes up and down, these are never zero on a member that has served.</summary>
    private static readonly string[] NeverZero =
    [
        "etcd_server_has_leader", "etcd_server_is_leader", "etcd_server_id", "etcd_server_version", "etcd_cluster_version",
        "etcd_server_proposals_committed_total", "etcd_server_proposals_applied_total", "etcd_server_quota_backend_bytes",
        "etcd_mvcc_db_total_size_in_bytes", "etcd_mvcc_db_total_size_in_use_in_bytes", "etcd_debugging_mvcc_current_revision",
        "etcd_debugging_mvcc_compact_revision", "etcd_debugging_mvcc_total_put_size_in_bytes", "etcd_debugging_mvcc_keys_total",
        "etcd_debugging_mvcc_db_compaction_last", "etcd_disk_wal_write_bytes_total",
    ];

    /// <summary>Where the same requests give the same count.</summary>
    private static readonly string[] SameCounts =
    [
        "etcd_mvcc_put_total", "etcd_mvcc_delete_total", "etcd_debugging_lease_granted_total",
        "etcd_debugging_lease_revoked_total", "etcd_debugging_lease_ttl_total", "etcd_server_proposals_failed_total",
    ];

    [Fact]
    public async Task A_scrape_of_ours_has_what_one_of_etcds_has()
    {
        if (Lanes.IsFast)
            return; // Dozens of processes a script.
        await using var servers = await ServerPair.StartAsync();
        using var etcdRun = new ScriptRun(Binaries.Etcdctl35, is35: true, ServerKind.Etcd, servers.Etcd.Endpoint);
        using var kvStoreRun = new ScriptRun(Binaries.Etcdctl35, is35: true, ServerKind.KvStore, servers.KvStore.Endpoint);
        foreach (string name in Scripts)
        {
            var script = Script.Read(Script.Folder, name);
            await Task.WhenAll(etcdRun.RunAsync(script), kvStoreRun.RunAsync(script));
        }

        var (etcd, gauges) = await ScrapeAsync(servers.Etcd);
        var (kvStore, _) = await ScrapeAsync(servers.KvStore);

        var common = etcd.Where(family => !OnlyEtcds.Any(family.Key.StartsWith)).ToList();
        Assert.True(common.Count > 50, $"etcd told of {common.Count} families only");
        // A histogram is there once something was measured.
        Assert.Empty(common.Where(family => family.Value > 0 && !kvStore.ContainsKey(family.Key)).Select(family => family.Key));
        var unmoved = common.Where(family => family.Value > 0 && kvStore[family.Key] == 0).Select(family => family.Key);
        Assert.DoesNotContain(unmoved, family => NeverZero.Contains(family) || (!gauges.Contains(family) && !EtcdsOwn.Contains(family)));
        Assert.All(SameCounts, family => Assert.Equal((family, etcd[family]), (family, kvStore[family])));
        Figures.Report($"Compatibility: {common.Count} families of metrics, as of etcd");
    }

    /// <summary>The families of etcd's own metrics, with the sum of their series; of histograms the number of what was measured.</summary>
    /// <returns>Beside them, those that go up and down.</returns>
    private static async Task<(Dictionary<string, double> Families, HashSet<string> Gauges)> ScrapeAsync(ServerUnderTest server)
    {
        using var http = new HttpClient();
        string[] lines = (await http.GetStringAsync($"http://{server.Endpoint}/metrics")).Split('\n');
        var families = lines
            .Where(line => line.StartsWith("etcd_", StringComparison.Ordinal))
            .Select(line => (Name: line[..line.IndexOfAny(['{', ' '])], Value: double.Parse(line[(line.LastIndexOf(' ') + 1)..])))
            .Where(sample => !sample.Name.EndsWith("_bucket", StringComparison.Ordinal) && !sample.Name.EndsWith("_sum", StringComparison.Ordinal))
            .GroupBy(sample => sample.Name.EndsWith("_count", StringComparison.Ordinal) ? sample.Name[..^"_count".Length] : sample.Name)
            .ToDictionary(family => family.Key, family => family.Sum(sample => sample.Value));
        var gauges = lines.Select(line => line.Split(' ')).Where(words => words is ["#", "TYPE", _, "gauge"]).Select(words => words[2]);
        return (families, [.. gauges]);
    }
}
