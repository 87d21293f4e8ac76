using KvStore.Benchmarks.Servers;
using KvStore.Server.Bench.Load;

namespace KvStore.Benchmarks.Scenarios;

/// <summary>100 clients read linearizably beside 100 that write: first on a disk as it is, then with 20 syncs a second.</summary>
internal sealed class SlowDiskScenario()
    : Scenario("slowdisk", "linearizable reads beside writes, on the normal disk and on one of 20 syncs a second (root)")
{
    private const int WritesPerSecond = 20;
    private const long DiskBytes = 2L << 30;

    public override void Run(ScenarioContext context)
    {
        if (SlowDisk.Hindrance is { } hindrance)
            throw new BenchmarkException($"slowdisk: {hindrance}.");
        var disks = new Dictionary<ServerProcess, SlowDisk>();
        using var undo = new UndoStack();
        using var servers = new ServerFleet(context.Settings.Servers.Select(kind => new Func<ServerProcess>(() =>
        {
            var disk = undo.Own(new SlowDisk(context.Settings.Folder, Path.GetFileName(context.NewFolder(kind)), DiskBytes));
            var server = context.Start(kind, Path.Combine(disk.MountPoint, "data"));
            disks[server] = disk;
            return server;
        })));
        foreach (var server in servers)
            WarmUp(context, server);
        Measure(context, servers, "slowdisk/normal");
        try
        {
            foreach (var server in servers)
                disks[server].Slow(server.ProcessId, WritesPerSecond);
            Measure(context, servers, "slowdisk/slowed");
        }
        finally
        {
            // Before the servers end: on a slow disk even that would take its time.
            foreach (var server in servers)
                disks[server].Release();
        }
    }

    private static void Measure(ScenarioContext context, ServerFleet servers, string row) =>
        context.Interleave(row, servers, (server, round) =>
        {
            var settings = Settings(context, server) with
            {
                RequestLimit = long.MaxValue,
                DurationLimit = TimeSpan.FromSeconds(context.Settings.Sized(10, 2)),
            };
            var load = context.Measure(server, row, LoadPlan.RangeBesidePut(settings));
            foreach (var group in load.Result.Groups)
                context.Report($"{row}/{group.Name}", server, round, MeasuredLoad.ValuesOf(group));
        });

    private static void WarmUp(ScenarioContext context, ServerProcess server)
    {
        var settings = Settings(context, server);
        context.Measure(server, "loading", LoadPlan.Load(settings with { StreamsPerConnection = 10 }));
        settings = settings with { RequestLimit = context.Settings.Sized(75_000, 1_000) };
        context.Measure(server, "warming up", LoadPlan.RangeBesidePut(settings));
    }

    private static LoadSettings Settings(ScenarioContext context, ServerProcess server) => ScenarioContext.LoadOn(server) with
    {
        Connections = 100,
        Keys = new KeySpace { Count = context.Settings.Sized(50_000, 2_000) },
    };
}
