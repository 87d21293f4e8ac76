using System.Collections.Immutable;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Control.Pods;

namespace Orchestrator.Control.NodeLifecycle;

/// <summary>Watches over the nodes' heartbeats: a node that is silent is marked Unknown, its pods not ready, and, one node
/// after the other, it gets the taint by which its pods are evicted.</summary>
/// <remarks>Looks at the whole cluster at once, since how fast nodes are given up depends on how many others are: when a whole
/// zone is silent, more likely the control plane is cut off than that all nodes are dead.</remarks>
public static class NodeHealthController
{
    public const string LeaseNamespace = "kube-node-lease";

    private const string ByNode = "node";

    public static ControllerDescription Describe(NodeHealthSettings settings) => new()
    {
        Name = "node-controller",
        Reconcile = input => new NodeHealthLook(settings, input).Decide(),
        Workers = 1,
        Period = settings.MonitorPeriod,
        Watches = [Watch.On<Node>(NodeKeys), Watch.Silent<Lease>(), Watch.Silent<Pod>()],
        Indexes = [ObjectIndex.Of<Pod>(ByNode, static pod => pod.IsScheduled() ? [pod.Spec.NodeName!] : [])],
    };

    internal static IReadOnlyList<Pod> PodsOn(IObjectCache cache, string node) => cache.ByIndex<Pod>(ByNode, node);

    /// <summary>Beside the period: a node that appears, goes or changes its readiness.</summary>
    private static IEnumerable<NamespacedName> NodeKeys(Node? before, Node? after, IObjectCache cache)
    {
        if (before is null || after is null || ReadyStatus(before) != ReadyStatus(after))
            yield return ControllerDescription.WholeKey;
    }

    internal static NodeCondition? Condition(Node node, string type) =>
        node.Status.Conditions.OrEmpty().FirstOrDefault(condition => condition.Type == type);

    internal static string ReadyStatus(Node node) => Condition(node, "Ready")?.Status ?? "Unknown";
}

/// <summary>Periods and rates of the node controller, with Kubernetes' defaults.</summary>
public sealed record NodeHealthSettings
{
    public TimeSpan MonitorPeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a node may be silent.</summary>
    public TimeSpan GracePeriod { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>How long a new node may take to say its first word.</summary>
    public TimeSpan StartupGracePeriod { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Nodes given up per second in a zone.</summary>
    public double EvictionRate { get; init; } = 0.1;

    /// <summary>The same in a zone in which many nodes are silent, if it is large.</summary>
    public double SecondaryEvictionRate { get; init; } = 0.01;

    /// <summary>The share of silent nodes from which on a zone counts as disrupted.</summary>
    public double UnhealthyZoneThreshold { get; init; } = 0.55;

    /// <summary>A disrupted zone of at most so many nodes gives up none.</summary>
    public int LargeClusterThreshold { get; init; } = 50;
}

/// <summary>What the node controller remembers from look to look. Times are this process's own: clocks of nodes may differ.</summary>
internal sealed record NodeHealthMemory(
    ImmutableDictionary<string, NodeHeartbeat> Nodes, ImmutableDictionary<string, ZoneEvictions> Zones)
{
    public static NodeHealthMemory Empty { get; } = new(
        ImmutableDictionary<string, NodeHeartbeat>.Empty, ImmutableDictionary<string, ZoneEvictions>.Empty);
}

/// <param name="SeenAt">When a new sign of life was seen last.</param>
internal sealed record NodeHeartbeat(
    string Uid, DateTimeOffset SeenAt, DateTimeOffset? LeaseTime, DateTimeOffset? StatusTime, string ReadyStatus);

/// <param name="NextAt">From when on the zone may give up a further node.</param>
internal sealed record ZoneEvictions(DateTimeOffset NextAt);
