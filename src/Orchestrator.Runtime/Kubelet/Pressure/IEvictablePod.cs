using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>A pod that takes part of the node, as the evictor sees it.</summary>
internal interface IEvictablePod
{
    Pod Pod { get; }

    /// <summary>Nothing of it is left that takes anything.</summary>
    bool HasEnded { get; }

    /// <summary>Ends it for good. Returns at once.</summary>
    /// <param name="isForNode">It goes for the node's sake and has done nothing wrong itself.</param>
    /// <returns>False: it is not one that may be evicted.</returns>
    bool Evict(string message, bool isForNode);
}

/// <summary>Pods that the node itself needs.</summary>
internal static class CriticalPods
{
    /// <summary>From this priority on.</summary>
    private const int SystemPriority = 2_000_000_000;

    private const string Source = "kubernetes.io/config.source";
    private const string Mirror = "kubernetes.io/config.mirror";

    /// <summary>The node's own (static) pods, and those of the system's priorities.</summary>
    public static bool Has(Pod pod) =>
        pod.Spec.Priority >= SystemPriority || pod.Annotations.ContainsKey(Mirror)
        || (pod.Annotations.TryGetValue(Source, out string? source) && source != "api");
}

/// <summary>Whom a node under pressure lets in.</summary>
internal static class PressureAdmission
{
    private const string MemoryTaint = "node.kubernetes.io/memory-pressure";

    /// <param name="conditions">Those that the node has.</param>
    /// <returns>Why not; null when it may run.</returns>
    public static string? Refusal(Pod pod, IReadOnlyList<string> conditions)
    {
        if (conditions.Count == 0 || CriticalPods.Has(pod))
            return null;
        // Too little memory keeps out those alone that ask for none and do not put up with it.
        bool isOnlyMemory = conditions is [EvictionSignals.MemoryPressure];
        if (isOnlyMemory && (Api.Strategies.QualityOfService.ClassOf(pod.Spec) != "BestEffort" || Tolerates(pod)))
            return null;
        return string.Create(CultureInfo.InvariantCulture, $"The node had condition: [{string.Join(' ', conditions)}]. ");
    }

    private static bool Tolerates(Pod pod) => pod.Spec.Tolerations.OrEmpty()
        .Any(toleration => Control.NodeLifecycle.NodeTaints.Tolerates(toleration, new Taint { Key = MemoryTaint, Effect = "NoSchedule" }));
}
