using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pressure;
using Orchestrator.Runtime.Metrics;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>What a node and its containers use, in the two shapes that are asked for: /stats/summary and /metrics/resource; and, at
/// /metrics, how many there are.</summary>
internal static class KubeletMetrics
{
    /// <summary>The kubelet's own: what it runs.</summary>
    /// <param name="others">What others measure on its node.</param>
    public static async Task WriteOwnAsync(HttpContext context, Kubelet kubelet, MeterText? others)
    {
        IReadOnlyList<PodSandbox> sandboxes = await kubelet.Runtime.ListPodSandboxAsync(null, context.RequestAborted);
        IReadOnlyList<RuntimeContainer> containers = await kubelet.Runtime.ListContainersAsync(null, context.RequestAborted);
        var text = new StringBuilder();
        Family(text, "kubelet_desired_pods", "gauge", "The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.");
        text.Append(CultureInfo.InvariantCulture, $"kubelet_desired_pods{{static=\"\"}} {kubelet.Pods.Count()}\n");
        Family(text, "kubelet_node_name", "gauge", "The node's name. The count is always 1.");
        text.Append(CultureInfo.InvariantCulture, $"kubelet_node_name{{node=\"{kubelet.Options.NodeName}\"}} 1\n");
        Family(text, "kubelet_running_containers", "gauge", "Number of containers currently running");
        foreach (var state in containers.GroupBy(container => container.State).OrderBy(state => state.Key))
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"kubelet_running_containers{{container_state=\"{state.Key.ToString().ToLowerInvariant()}\"}} {state.Count()}\n");
        }
        Family(text, "kubelet_running_pods", "gauge", "Number of pods that have a running pod sandbox");
        text.Append(CultureInfo.InvariantCulture, $"kubelet_running_pods {sandboxes.Count(sandbox => sandbox.IsReady)}\n");
        others?.Write(text);
        context.Response.ContentType = "text/plain; version=0.0.4";
        await context.Response.WriteAsync(text.ToString(), context.RequestAborted);
    }

    public static async Task WriteSummaryAsync(HttpContext context, Kubelet kubelet)
    {
        IReadOnlyList<ContainerUsage> usages = await kubelet.Runtime.ListContainerStatsAsync(context.RequestAborted);
        DateTimeOffset now = kubelet.Services.Alarms.Now;
        long capacity = kubelet.Options.Capacity.TryGetValue("memory", out var memory) ? memory.Value : 0;
        NodeUse node = UseOf(kubelet, usages);
        var pods = new JsonArray();
        foreach (var pod in usages.GroupBy(usage => usage.PodUid))
            pods.Add(Pod([.. pod], now));
        var summary = new JsonObject
        {
            ["node"] = new JsonObject
            {
                ["nodeName"] = kubelet.Options.NodeName,
                ["startTime"] = Time(usages.Count == 0 ? now : usages.Min(usage => usage.StartedAt)),
                ["cpu"] = Cpu(node.CpuNanoCores, node.CpuNanoSeconds, now),
                ["memory"] = Memory(node.MemoryBytes, now, capacity),
            },
            ["pods"] = pods,
        };
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(summary.ToJsonString(), context.RequestAborted);
    }

    public static async Task WriteResourcesAsync(HttpContext context, Kubelet kubelet)
    {
        IReadOnlyList<ContainerUsage> usages = await kubelet.Runtime.ListContainerStatsAsync(context.RequestAborted);
        var text = new StringBuilder();
        Family(text, "container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the container in core-seconds");
        foreach (ContainerUsage usage in usages)
            Sample(text, "container_cpu_usage_seconds_total", usage, usage.CpuNanoSeconds / 1e9);
        Family(text, "container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes");
        foreach (ContainerUsage usage in usages)
            Sample(text, "container_memory_working_set_bytes", usage, usage.MemoryBytes);
        Family(text, "container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds");
        foreach (ContainerUsage usage in usages)
            Sample(text, "container_start_time_seconds", usage, usage.StartedAt.ToUnixTimeMilliseconds() / 1e3);
        AddTotals(text, usages, UseOf(kubelet, usages), kubelet.Services.Alarms.Now);
        context.Response.ContentType = "text/plain; version=0.0.4";
        await context.Response.WriteAsync(text.ToString(), context.RequestAborted);
    }

    private static void AddTotals(StringBuilder text, IReadOnlyList<ContainerUsage> usages, NodeUse node, DateTimeOffset now)
    {
        Family(text, "pod_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the pod in core-seconds");
        Family(text, "pod_memory_working_set_bytes", "gauge", "Current working set of the pod in bytes");
        foreach (var pod in usages.GroupBy(usage => (usage.PodNamespace, usage.PodName)))
        {
            string labels = $"{{namespace=\"{pod.Key.PodNamespace}\",pod=\"{pod.Key.PodName}\"}}";
            Line(text, "pod_cpu_usage_seconds_total" + labels, pod.Sum(usage => usage.CpuNanoSeconds) / 1e9, now);
            Line(text, "pod_memory_working_set_bytes" + labels, pod.Sum(usage => usage.MemoryBytes), now);
        }
        Family(text, "node_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the node in core-seconds");
        Line(text, "node_cpu_usage_seconds_total", node.CpuNanoSeconds / 1e9, now);
        Family(text, "node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes");
        Line(text, "node_memory_working_set_bytes", node.MemoryBytes, now);
        Family(text, "resource_scrape_error", "gauge", "1 if there was an error while getting container metrics, 0 otherwise");
        text.Append("resource_scrape_error 0\n");
    }

    /// <summary>That of the whole machine, where it is known.</summary>
    private static NodeUse UseOf(Kubelet kubelet, IReadOnlyList<ContainerUsage> usages) => kubelet.Machine?.Read() ?? new NodeUse(
        usages.Sum(usage => usage.CpuNanoSeconds), usages.Sum(usage => usage.CpuNanoCores), usages.Sum(usage => usage.MemoryBytes));

    private static JsonObject Pod(IReadOnlyList<ContainerUsage> usages, DateTimeOffset now)
    {
        var containers = new JsonArray();
        foreach (ContainerUsage usage in usages)
        {
            containers.Add(new JsonObject
            {
                ["name"] = usage.Name,
                ["startTime"] = Time(usage.StartedAt),
                ["cpu"] = Cpu(usage.CpuNanoCores, usage.CpuNanoSeconds, now),
                ["memory"] = Memory(usage.MemoryBytes, now, 0),
            });
        }
        return new JsonObject
        {
            ["podRef"] = new JsonObject { ["name"] = usages[0].PodName, ["namespace"] = usages[0].PodNamespace, ["uid"] = usages[0].PodUid },
            ["startTime"] = Time(usages.Min(usage => usage.StartedAt)),
            ["containers"] = containers,
            ["cpu"] = Cpu(usages.Sum(usage => usage.CpuNanoCores), usages.Sum(usage => usage.CpuNanoSeconds), now),
            ["memory"] = Memory(usages.Sum(usage => usage.MemoryBytes), now, 0),
        };
    }

    private static JsonObject Cpu(long nanoCores, long nanoSeconds, DateTimeOffset now) => new()
    {
        ["time"] = Time(now), ["usageNanoCores"] = nanoCores, ["usageCoreNanoSeconds"] = nanoSeconds,
    };

    private static JsonObject Memory(long used, DateTimeOffset now, long capacity)
    {
        var memory = new JsonObject { ["time"] = Time(now), ["usageBytes"] = used, ["workingSetBytes"] = used, ["rssBytes"] = used };
        if (capacity > 0)
            memory["availableBytes"] = Math.Max(0, capacity - used);
        return memory;
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static void Family(StringBuilder text, string name, string type, string help) =>
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append("\n# TYPE ").Append(name).Append(' ').Append(type).Append('\n');

    private static void Sample(StringBuilder text, string name, ContainerUsage usage, double value) => Line(
        text, $"{name}{{container=\"{usage.Name}\",namespace=\"{usage.PodNamespace}\",pod=\"{usage.PodName}\"}}", value, usage.Time);

    private static void Line(StringBuilder text, string series, double value, DateTimeOffset time) => text.Append(
        CultureInfo.InvariantCulture, $"{series} {value} {time.ToUnixTimeMilliseconds()}\n");
}
