using System.Diagnostics;
using KvStore.Testing.Cluster;
using KvStore.Testing.Linux;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Proxy;
using DiscoveryPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Benchmark;

/// <summary>How soon one endpoint's change is in the kernel of a node that has many services, in a network namespace of its own.</summary>
/// <remarks>From the event at the API client to the end of the kernel's transaction.</remarks>
internal static class ProxyWorkload
{
    private const int Services = 1000;
    private const int Endpoints = 10;
    private const int WarmingChanges = 20;
    private const int Changes = 300;

    public static async Task<bool> RunAsync()
    {
        string name = $"orchestrator-benchmark-{Environment.ProcessId}";
        Tools.Run("ip", "netns", "add", name);
        try
        {
            return await RunAsync(new NetworkNamespace("/run/netns/" + name));
        }
        finally
        {
            Tools.Run("ip", "netns", "del", name);
        }
    }

    private static async Task<bool> RunAsync(NetworkNamespace network)
    {
        Tools.Run("ip", "-n", Path.GetFileName(network.Path), "link", "set", "lo", "up");
        var api = new MemoryApi();
        for (int i = 0; i < Services; i++)
            api.Put(ServiceOf(i)).Put(SliceOf(i, 0));
        PodsWorkload.Say($"{Services} services x {Endpoints} endpoints");
        long begin = Stopwatch.GetTimestamp();
        await using var proxy = await ServiceProxy.StartAsync(
            new ServiceProxyOptions
            {
                NodeName = "node-1", NodeAddresses = ["192.168.77.1"], ServiceCidr = "10.96.0.0/16", PodCidrs = ["10.244.0.0/16"], Network = network,
            },
            api.Client, CancellationToken.None);
        PodsWorkload.Say($"start to all rules in the kernel: {Stopwatch.GetElapsedTime(begin).TotalMilliseconds:0} ms, {proxy.LastTransactionBytes >> 10} KiB");

        await ChangeAsync(api, proxy, WarmingChanges, new Latencies());
        var times = new Latencies();
        var processor = Process.GetCurrentProcess().TotalProcessorTime;
        await ChangeAsync(api, proxy, Changes, times);
        processor = Process.GetCurrentProcess().TotalProcessorTime - processor;
        int bytes = proxy.LastTransactionBytes;
        PodsWorkload.Say($"one endpoint replaced to in the kernel: {times}; {bytes} bytes; {processor.TotalMilliseconds / Changes:0.0} ms of our processor time each");
        bool isLost = !Chain(network, (WarmingChanges + Changes - 1) % Services).Contains(AddressOf(Changes), StringComparison.Ordinal);
        if (isLost)
            PodsWorkload.Say($"the kernel does not have the last change");
        await proxy.RemoveAsync();
        bool isSoon = PodsWorkload.Floor("a change in the kernel, ms (p99)", times.Percentile(99), 200, isLeast: false);
        bool isKept = PodsWorkload.Floor("whole tables written", proxy.TransactionCounts.Wholes, 1, isLeast: false);
        return PodsWorkload.Floor("bytes of a change", bytes, 4096, isLeast: false) && isSoon && isKept && !isLost;
    }

    private static async Task ChangeAsync(MemoryApi api, ServiceProxy proxy, int count, Latencies times)
    {
        for (int change = 1; change <= count; change++)
        {
            int before = proxy.TransactionCounts.Differences;
            var slice = SliceOf((count == Changes ? WarmingChanges + change : change) - 1, change);
            long begin = Stopwatch.GetTimestamp();
            api.Put(slice);
            while (proxy.TransactionCounts.Differences == before)
                await Task.Delay(1);
            times.Add(Stopwatch.GetElapsedTime(begin));
        }
    }

    private static string Chain(NetworkNamespace network, int service) =>
        Tools.Run("nsenter", $"--net={network.Path}", "nft", "list", "table", "ip", ProxySettings.DefaultTableName) is var table
            && table.IndexOf($"-default/web-{service}/tcp/http {{", StringComparison.Ordinal) is var start and >= 0
            ? table[start..table.IndexOf("}\n", start, StringComparison.Ordinal)] : "";

    private static Service ServiceOf(int number) => new()
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = $"web-{number}", CreationTimestamp = DateTimeOffset.UnixEpoch },
        Spec = new ServiceSpec
        {
            Type = "ClusterIP",
            ClusterIP = $"10.96.{number / 250}.{number % 250 + 1}",
            Ports = [new ServicePort { Name = "http", Port = 80, Protocol = "TCP" }],
        },
    };

    /// <param name="generation">Each has another first endpoint.</param>
    private static EndpointSlice SliceOf(int number, int generation) => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = "default", Name = $"web-{number}-x", Labels = new() { [ServiceRules.ServiceNameLabel] = $"web-{number}" },
        },
        AddressType = "IPv4",
        Ports = [new DiscoveryPort { Name = "http", Port = 8080, Protocol = "TCP" }],
        Endpoints =
        [
            .. Enumerable.Range(0, Endpoints).Select(i => new Endpoint
            {
                Addresses = [i == 0 && generation > 0 ? AddressOf(generation) : $"10.244.{(number * Endpoints + i) / 250}.{(number * Endpoints + i) % 250 + 1}"],
                NodeName = i == 0 ? "node-1" : "node-2",
                Conditions = new EndpointConditions { Ready = true, Serving = true, Terminating = false },
            }),
        ],
    };

    private static string AddressOf(int generation) => $"10.244.{200 + generation / 250}.{generation % 250 + 1}";
}
