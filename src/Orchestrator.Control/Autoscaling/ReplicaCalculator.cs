using Orchestrator.Api.MetricsV1beta1;
using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Autoscaling;

/// <summary>How many replicas a metric asks for.</summary>
/// <remarks>Pods that just start say little about the load: while it seems high they count as idle, and pods without figures
/// count as busy when it seems low, so that neither leads to a rash step.</remarks>
internal sealed class ReplicaCalculator(IReadOnlyList<Pod> pods, IReadOnlyList<PodMetrics> metrics, DateTimeOffset now)
{
    /// <summary>Within this share of the target nothing is done.</summary>
    public const double Tolerance = 0.1;

    private static readonly TimeSpan CpuInitialization = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan InitialReadinessDelay = TimeSpan.FromSeconds(30);

    /// <param name="Utilization">Percent of the requests; null where the target is a plain amount.</param>
    /// <param name="AverageMilli">The mean over the pods that have figures.</param>
    public sealed record Proposal(int Replicas, int? Utilization, long AverageMilli);

    private sealed record Group(Dictionary<string, long> Usage, int ReadyCount, List<Pod> Unready, List<Pod> Missing);

    /// <exception cref="MetricsException">There is nothing to calculate with.</exception>
    public Proposal ByUtilization(int current, string resource, string? container, int targetPercent)
    {
        var group = GroupPods(resource, container);
        var requests = pods.ToDictionary(pod => pod.Name, pod => RequestOf(pod, resource, container));
        double Ratio(Dictionary<string, long> usage)
        {
            long requested = usage.Keys.Sum(name => requests[name]);
            if (requested == 0)
                throw new MetricsException($"no metrics returned matched known pods");
            return (double)usage.Values.Sum() / requested * 100 / targetPercent;
        }
        long total = group.Usage.Keys.Sum(name => requests[name]);
        if (total == 0)
            throw new MetricsException("no metrics returned matched known pods");
        int utilization = (int)(group.Usage.Values.Sum() * 100 / total);
        int replicas = Propose(current, group, Ratio, pod => requests[pod.Name] * Math.Max(100, targetPercent) / 100);
        return new Proposal(replicas, utilization, group.Usage.Values.Sum() / group.Usage.Count);
    }

    /// <exception cref="MetricsException">There is nothing to calculate with.</exception>
    public Proposal ByAverage(int current, string resource, string? container, long targetMilli)
    {
        var group = GroupPods(resource, container);
        double Ratio(Dictionary<string, long> usage) => (double)usage.Values.Sum() / usage.Count / targetMilli;
        return new Proposal(
            Propose(current, group, Ratio, _ => targetMilli), null, group.Usage.Values.Sum() / group.Usage.Count);
    }

    private static int Propose(int current, Group group, Func<Dictionary<string, long>, double> ratioOf, Func<Pod, long> busy)
    {
        double ratio = ratioOf(group.Usage);
        bool countsUnready = group.Unready.Count > 0 && ratio > 1;
        if (!countsUnready && group.Missing.Count == 0)
            return IsNear(ratio) ? current : (int)Math.Ceiling(Exact(ratio * group.ReadyCount));

        var usage = new Dictionary<string, long>(group.Usage);
        if (ratio < 1)
        {
            foreach (var pod in group.Missing)
                usage[pod.Name] = busy(pod);
        }
        else if (ratio > 1)
        {
            foreach (var pod in group.Missing)
                usage[pod.Name] = 0;
        }
        if (countsUnready)
        {
            foreach (var pod in group.Unready)
                usage[pod.Name] = 0;
        }
        double corrected = ratioOf(usage);
        if (IsNear(corrected) || (ratio < 1 && corrected > 1) || (ratio > 1 && corrected < 1))
            return current;
        int replicas = (int)Math.Ceiling(Exact(corrected * usage.Count));
        bool turns = (corrected < 1 && replicas > current) || (corrected > 1 && replicas < current);
        return turns ? current : replicas;
    }

    private static bool IsNear(double ratio) => Math.Abs(1 - ratio) <= Tolerance + 1e-9;

    /// <summary>Takes away what binary fractions add: 3.0000000000000004 pods are three.</summary>
    private static double Exact(double value) => Math.Round(value, 9);

    private Group GroupPods(string resource, string? container)
    {
        var byName = metrics.ToDictionary(metric => metric.Name);
        var usage = new Dictionary<string, long>();
        var unready = new List<Pod>();
        var missing = new List<Pod>();
        int ready = 0;
        foreach (var pod in pods)
        {
            if (pod.IsBeingDeleted || pod.IsFailed() || pod.IsSucceeded())
                continue;
            var metric = byName.GetValueOrDefault(pod.Name);
            if (pod.Status.Phase is null or "" or "Pending")
                unready.Add(pod);
            else if (metric is null || UsageOf(metric, resource, container) is not { } amount)
                missing.Add(pod);
            else if (resource == "cpu" && IsStarting(pod, metric))
                unready.Add(pod);
            else
            {
                usage[pod.Name] = amount;
                ready++;
            }
        }
        if (usage.Count == 0)
        {
            throw new MetricsException(metrics.Count == 0
                ? $"unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
                : "did not receive metrics for targeted pods (pods might be unready)");
        }
        return new Group(usage, ready, unready, missing);
    }

    private bool IsStarting(Pod pod, PodMetrics metric)
    {
        if (pod.Condition("Ready") is not { } condition || pod.Status.StartTime is not { } start)
            return true;
        if (start + CpuInitialization > now)
        {
            // Figures from before it was ready are those of its start.
            return condition.Status == "False"
                || metric.Timestamp < condition.LastTransitionTime + (GoDuration.Parse(metric.Window ?? "") ?? TimeSpan.Zero);
        }
        return condition.Status == "False" && start + InitialReadinessDelay > condition.LastTransitionTime;
    }

    private static long? UsageOf(PodMetrics metric, string resource, string? container)
    {
        long sum = 0;
        bool isFound = false;
        foreach (var part in metric.Containers.OrEmpty())
        {
            if (container is not null && part.Name != container)
                continue;
            if (!part.Usage.OrEmpty().TryGetValue(resource, out var amount))
                return null;
            sum += amount.MilliValue;
            isFound = true;
        }
        return isFound ? sum : null;
    }

    private static long RequestOf(Pod pod, string resource, string? container)
    {
        if (container is null && (pod.Spec.Resources?.Requests).OrEmpty().TryGetValue(resource, out var whole))
            return whole.MilliValue;
        long sum = 0;
        foreach (var part in pod.Spec.Containers.OrEmpty()
            .Concat(pod.Spec.InitContainers.OrEmpty().Where(init => init.RestartPolicy == "Always")))
        {
            if (container is not null && part.Name != container)
                continue;
            if (!(part.Resources?.Requests).OrEmpty().TryGetValue(resource, out var amount))
                throw new MetricsException($"missing request for {resource} in container {part.Name} of Pod {pod.Name}");
            sum += amount.MilliValue;
        }
        return sum;
    }
}

/// <summary>Why a metric gives no number.</summary>
internal sealed class MetricsException(string message) : Exception(message);
