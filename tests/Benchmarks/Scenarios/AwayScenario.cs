using System.Net;
using KvStore.Benchmarks.Reports;
using KvStore.Benchmarks.Servers;
using KvStore.Server.Bench.Load;
using KvStore.Server.Bench.Results;

namespace KvStore.Benchmarks.Scenarios;

/// <summary>A follower is away while the others take many writes, and catches up beside a steady load.</summary>
/// <remarks>The load has a rate, so that its latency shows what the catching up takes from it, and is the same before and meanwhile.
/// All members share this machine: what the one that catches up needs of its processors, the others miss.</remarks>
internal sealed class AwayScenario() : Scenario("away", "a follower of three that was away for 1 M writes catches up under load")
{
    private const int MemberCount = 3;
    private const double RatePerSecond = 1_000;

    public override void Run(ScenarioContext context)
    {
        using var servers = context.StartClusters(MemberCount);
        foreach (var server in servers)
        {
            context.Measure(server, "warming up", LoadPlan.Load(
                ScenarioContext.LoadOn(server) with { Connections = 100, Keys = new KeySpace { Count = context.Settings.Sized(100_000, 2_000) } }));
        }
        context.Interleave($"{Name}/normal", servers, (server, round) =>
            context.Report($"{Name}/normal", server, round, MeasuredLoad.ValuesOf(Measure(context, server, server.Endpoints).Result.Main)));
        context.Interleave($"{Name}/catching-up", servers, (server, round) => CatchUp(context, server, round));
    }

    private void CatchUp(ScenarioContext context, ServerProcess server, int round)
    {
        int away = server.AFollower(context.Cancellation);
        var others = server.Endpoints.Where((_, member) => member != away).ToList();
        server.Kill(away);
        context.Measure(server, "writing 1 M keys to the others", LoadPlan.Load(new LoadSettings
        {
            Endpoints = others,
            Connections = 100,
            DurationLimit = TimeSpan.FromMinutes(10),
            Keys = new KeySpace { Count = context.Settings.Sized(1_000_000, 20_000) },
        }));

        var catchingUp = Task.Run(() => server.StartAgain(away, context.Cancellation), context.Cancellation);
        var latency = new LatencyHistogram();
        double seconds = 0;
        do
        {
            var slice = Measure(context, server, others).Result.Main;
            latency.Add(slice.Latency);
            seconds += slice.Elapsed.TotalSeconds;
        }
        while (!catchingUp.IsCompleted);
        context.Report(
            $"{Name}/catching-up",
            server,
            round,
            (Metric.Rate, latency.Count / seconds),
            (Metric.P50, latency.Percentile(50).TotalMilliseconds),
            (Metric.P99, latency.Percentile(99).TotalMilliseconds),
            (Metric.Restart, catchingUp.GetAwaiter().GetResult().TotalSeconds));
    }

    private MeasuredLoad Measure(ScenarioContext context, ServerProcess server, IReadOnlyList<IPEndPoint> endpoints) => context.Measure(
        server,
        $"{Name}: {RatePerSecond:N0} puts a second",
        LoadPlan.Put(new LoadSettings
        {
            Endpoints = endpoints,
            Connections = 20,
            RatePerSecond = RatePerSecond,
            RequestLimit = context.Settings.Sized(5_000, 500),
            Keys = new KeySpace { Count = 10_000 },
        }));
}
