using KvStore.Benchmarks.Servers;
using KvStore.Server.Bench.Load;

namespace KvStore.Benchmarks.Scenarios;

/// <summary>Every workload with 1, 100 and 1000 clients, on servers that stay up throughout.</summary>
/// <param name="memberCount">More than one: on clusters, whose members share the clients among them; the processor time is that of
/// all members together.</param>
internal sealed class MicroScenario(string name, string description, int memberCount = 1) : Scenario(name, description)
{
    /// <summary>
    /// Connections and streams on each: 1000 clients share 100 connections, as the clients of a busy program do.
    /// </summary>
    private static readonly (int Connections, int Streams)[] _clients = [(1, 1), (100, 1), (100, 10)];

    /// <summary>
    /// A workload, and how many requests with 1, 100 and 1000 clients make it a measurement: some seconds of etcd's time.
    /// </summary>
    private static readonly (string Name, Func<LoadSettings, LoadPlan> Plan, int[] Requests)[] _workloads =
    [
        ("put", LoadPlan.Put, [5_000, 60_000, 120_000]),
        ("range-linearizable", settings => LoadPlan.Range(settings, isSerializable: false), [10_000, 60_000, 150_000]),
        ("range-serializable", settings => LoadPlan.Range(settings, isSerializable: true), [10_000, 60_000, 150_000]),
        ("range-500", settings => LoadPlan.Range(settings, isSerializable: false, keyCount: 500), [1_000, 5_000, 5_000]),
        ("txn-put", LoadPlan.TxnPut, [5_000, 50_000, 100_000]),
        ("txn-mixed", settings => LoadPlan.TxnMixed(settings, readShare: 0.5), [5_000, 50_000, 100_000]),
        ("watch", settings => LoadPlan.Watch(settings, putConnections: 10, putStreams: 10), [50_000, 300_000, 400_000]),
        ("watch-latency", WatchLatency, [600, 60_000, 60_000]),
        ("lease-keepalive", LoadPlan.LeaseKeepAlive, [10_000, 100_000, 150_000]),
    ];

    public override void Run(ScenarioContext context)
    {
        var keys = new KeySpace { Count = context.Settings.Sized(100_000, 5_000) };
        using var servers = memberCount == 1 ? context.StartAll() : context.StartClusters(memberCount);
        foreach (var server in servers)
            WarmUp(context, server, keys);
        foreach (var (workload, plan, requests) in _workloads)
        {
            for (int size = 0; size < _clients.Length; size++)
            {
                var (connections, streams) = _clients[size];
                string row = $"{(memberCount == 1 ? "" : Name + '/')}{workload}/{connections * streams}";
                int requestLimit = context.Settings.Sized(requests[size], Math.Max(200, requests[size] / 40));
                context.Interleave(row, servers, (server, round) =>
                {
                    var settings = ScenarioContext.LoadOn(server) with
                    {
                        Connections = connections,
                        StreamsPerConnection = streams,
                        RequestLimit = requestLimit,
                        WarmUpRequests = requestLimit / 10,
                        DurationLimit = TimeSpan.FromSeconds(context.Settings.Sized(15, 5)),
                        Keys = keys with { Seed = round },
                    };
                    context.Report(row, server, round, context.Measure(server, row, plan(settings)).Values);
                });
            }
        }
    }

    /// <summary>
    /// 200,000 requests, half of them puts: what runs compiled at first use is compiled then, and the keys are there.
    /// </summary>
    private static void WarmUp(ScenarioContext context, ServerProcess server, KeySpace keys)
    {
        var settings = ScenarioContext.LoadOn(server) with { Connections = 100, StreamsPerConnection = 10, Keys = keys };
        context.Measure(server, "loading", LoadPlan.Load(settings));
        settings = settings with { RequestLimit = context.Settings.Sized(50_000, 2_000) };
        context.Measure(server, "warming up", LoadPlan.Range(settings, isSerializable: false));
        context.Measure(server, "warming up", LoadPlan.TxnMixed(settings, readShare: 0.5));
    }

    /// <summary>At 100 puts a second a server has time for each: what it takes is latency, not waiting.</summary>
    private static LoadPlan WatchLatency(LoadSettings settings) => LoadPlan.Watch(
        settings with { RatePerSecond = settings.Clients >= 1000 ? 20 : 100 },
        putConnections: 1,
        putStreams: 10,
        "watch-latency");
}
