using KvStore.Benchmarks.Reports;
using KvStore.Benchmarks.Servers;
using KvStore.Server.Bench.Load;
using KvStore.Server.Bench.Results;

namespace KvStore.Benchmarks.Scenarios;

/// <summary>Loads many keys of 256 bytes with 100 clients, then kills the server and waits for its first answer.</summary>
/// <remarks>
/// The load comes in parts, to one server after the other: garbage collection, checkpoints and compaction show in the p99 of
/// all parts together, and what else the machine does meets both. The first 200,000 puts are warm-up and are not counted.
/// </remarks>
internal sealed class MillionScenario(string name, string description, long keyCount) : Scenario(name, description)
{
    private const long PartKeys = 100_000, WarmUpKeys = 200_000;
    private const int Restarts = 3;
    private const double BytesPerMebibyte = 1 << 20;

    public override void Run(ScenarioContext context)
    {
        using var servers = context.StartAll();
        Load(context, servers);
        context.Interleave($"{Name}/restart", servers, (server, round) =>
        {
            for (int restart = 0; restart < Restarts; restart++)
            {
                var time = server.KillAndRestart(context.Cancellation);
                context.Report($"{Name}/restart", server, round, (Metric.Restart, time.TotalSeconds));
            }
            CheckLastKey(context, server);
        });
    }

    private void Load(ScenarioContext context, ServerFleet servers)
    {
        long total = context.Settings.Sized(keyCount, keyCount / 50);
        long part = Math.Min(PartKeys, total / 10);
        long warmUp = Math.Min(WarmUpKeys, total / 5);
        var loads = servers.ToDictionary(server => server, _ => new List<MeasuredLoad>());
        for (long first = 0; first < total; first += part)
        {
            foreach (var server in servers)
            {
                var settings = ScenarioContext.LoadOn(server) with
                {
                    Connections = 100,
                    DurationLimit = TimeSpan.FromMinutes(5),
                    Keys = new KeySpace { First = first, Count = Math.Min(part, total - first) },
                };
                var load = context.Measure(server, $"{Name}: {first:N0} of {total:N0} keys", LoadPlan.Load(settings));
                if (load.Result.Main.Completed < settings.Keys.Count)
                    throw new BenchmarkException(
                        $"{server.Kind.Name} took more than {settings.DurationLimit.TotalMinutes:0} minutes for {part:N0} keys.");
                if (first >= warmUp)
                    loads[server].Add(load);
            }
        }
        foreach (var server in servers)
            ReportLoad(context, server, loads[server]);
    }

    private void ReportLoad(ScenarioContext context, ServerProcess server, List<MeasuredLoad> parts)
    {
        var latency = new LatencyHistogram();
        foreach (var part in parts)
            latency.Add(part.Result.Main.Latency);
        context.Report(
            $"{Name}/load",
            server,
            round: 1,
            (Metric.Rate, latency.Count / parts.Sum(part => part.Result.Main.Elapsed.TotalSeconds)),
            (Metric.P50, latency.Percentile(50).TotalMilliseconds),
            (Metric.P99, latency.Percentile(99).TotalMilliseconds),
            (Metric.Cpu, parts.Sum(part => part.ServerProcessorTime.TotalSeconds) * 100_000 / latency.Count),
            (Metric.Rss, parts.Max(part => part.ServerResidentBytes) / BytesPerMebibyte),
            (Metric.Directory, SystemCommand.AllocatedBytes(server.Directory) / BytesPerMebibyte));
    }

    /// <summary>A server that comes back fast because it lost something has won nothing.</summary>
    private void CheckLastKey(ScenarioContext context, ServerProcess server)
    {
        long total = context.Settings.Sized(keyCount, keyCount / 50);
        var settings = ScenarioContext.LoadOn(server) with
        {
            RequestLimit = 1_000,
            Keys = new KeySpace { First = total - 1_000, Count = 1_000, IsSequential = true },
        };
        context.Measure(server, "reading the last keys", LoadPlan.Range(settings, isSerializable: false));
    }
}
