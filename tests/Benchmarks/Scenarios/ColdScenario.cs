using KvStore.Benchmarks.Servers;
using KvStore.Server.Bench.Load;

namespace KvStore.Benchmarks.Scenarios;

/// <summary>A store four times as large as the memory our value store may take; random reads and writes over all of it.</summary>
/// <remarks>The system's page cache may hold the files: what is measured is the way past our own memory, not the disk.</remarks>
internal sealed class ColdScenario() : Scenario("cold", "a store four times its memory budget, random reads")
{
    private const int ValueBytes = 1024;

    public override void Run(ScenarioContext context)
    {
        long budget = context.Settings.Sized(64L << 20, 16L << 20);
        var keys = new KeySpace { Count = 4 * budget / ValueBytes };
        using var servers = new ServerFleet(context.Settings.Servers.Select(kind => new Func<ServerProcess>(() =>
            context.Start(kind, context.NewFolder(kind), kind.MemoryBudgetFlag is { } flag ? [flag, $"{budget}"] : []))));
        foreach (var server in servers)
            context.Measure(server, "cold: loading", LoadPlan.Load(Settings(server, keys, clients: 1000)));
        Measure(context, servers, "cold/ranges", keys, settings => LoadPlan.Range(settings, isSerializable: false));
        Measure(context, servers, "cold/range-50", keys, settings => LoadPlan.Range(settings, isSerializable: false, 50));
    }

    private static void Measure(
        ScenarioContext context, ServerFleet servers, string workload, KeySpace keys, Func<LoadSettings, LoadPlan> plan)
    {
        foreach (int clients in (int[])[1, 100])
        {
            string row = $"{workload}/{clients}";
            context.Interleave(row, servers, (server, round) =>
            {
                var settings = Settings(server, keys with { Seed = round }, clients) with
                {
                    RequestLimit = context.Settings.Sized(clients == 1 ? 10_000 : 60_000, 500),
                    WarmUpRequests = context.Settings.Sized(clients == 1 ? 1_000 : 20_000, 100),
                    DurationLimit = TimeSpan.FromSeconds(15),
                };
                context.Report(row, server, round, context.Measure(server, row, plan(settings)).Values);
            });
        }
    }

    private static LoadSettings Settings(ServerProcess server, KeySpace keys, int clients) => ScenarioContext.LoadOn(server) with
    {
        Connections = Math.Min(100, clients),
        StreamsPerConnection = Math.Max(1, clients / 100),
        ValueBytes = ValueBytes,
        Keys = keys,
        DurationLimit = TimeSpan.FromMinutes(5),
    };
}
