using Orchestrator.Control.Pods;
using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>A pod with everything that scheduling asks of it worked out once.</summary>
public sealed class PodInfo
{
    /// <summary>What containers without requests count for when nodes are compared.</summary>
    private static readonly Dictionary<string, Quantity> ComparedWith = new()
    {
        ["cpu"] = Quantity.FromMilli(100),
        ["memory"] = Quantity.FromInt64(200L * 1024 * 1024),
    };

    internal PodInfo(Pod pod)
    {
        Pod = pod;
        Key = pod.Key;
        var spec = pod.Spec;
        Priority = spec.Priority ?? 0;
        Requests = Amounts.Of(PodResources.Requests(spec));
        var compared = Amounts.Of(PodResources.Requests(spec, missing: ComparedWith));
        ComparedMilliCpu = compared.MilliCpu;
        ComparedMemory = compared.Memory;
        HostPorts = HostPort.Of(spec);
        NodeSelection = NodeSelection.Of(spec);
        var affinity = spec.Affinity;
        PreferredNodes = [.. (affinity?.NodeAffinity?.PreferredDuringSchedulingIgnoredDuringExecution).OrEmpty()
            .Select(preferred => (new NodeTerm(preferred.Preference ?? new NodeSelectorTerm()), preferred.Weight ?? 0))];
        Affinity = Terms(affinity?.PodAffinity?.RequiredDuringSchedulingIgnoredDuringExecution);
        AntiAffinity = Terms(affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution);
        PreferredAffinity = Terms(affinity?.PodAffinity?.PreferredDuringSchedulingIgnoredDuringExecution);
        PreferredAntiAffinity = Terms(affinity?.PodAntiAffinity?.PreferredDuringSchedulingIgnoredDuringExecution);
        Spread = [.. spec.TopologySpreadConstraints.OrEmpty()
            .Select(constraint => new SpreadConstraint(constraint, pod.Metadata.Labels))];
        Images = [.. spec.InitContainers.OrEmpty().Concat(spec.Containers.OrEmpty())
            .Select(container => NormalizeImage(container.Image ?? ""))];
        Claims = PodClaim.Of(pod);
    }

    public Pod Pod { get; internal set; }

    public NamespacedName Key { get; }

    public string Uid => Pod.Uid;

    public int Priority { get; }

    internal Dictionary<string, string>? Labels => Pod.Metadata.Labels;

    internal Amounts Requests { get; }

    /// <summary>What the pod counts for when nodes are compared: containers without requests count with a default.</summary>
    internal long ComparedMilliCpu { get; }

    internal long ComparedMemory { get; }

    internal HostPort[] HostPorts { get; }

    internal NodeSelection? NodeSelection { get; }

    internal (NodeTerm Term, int Weight)[] PreferredNodes { get; }

    internal AffinityTerm[] Affinity { get; }

    internal AffinityTerm[] AntiAffinity { get; }

    internal AffinityTerm[] PreferredAffinity { get; }

    internal AffinityTerm[] PreferredAntiAffinity { get; }

    internal SpreadConstraint[] Spread { get; }

    /// <summary>The containers' images, tags filled in.</summary>
    internal string[] Images { get; }

    internal PodClaim[] Claims { get; }

    public bool HasClaims => Claims.Length > 0;

    /// <summary>The node on which the pod is counted; null while it is on none.</summary>
    internal NodeInfo? Node { get; set; }

    public static PodInfo Of(Pod pod) => new(pod);

    internal bool Uses(NamespacedName claim) => claim.Namespace == Key.Namespace && Array.Exists(Claims, one => one.Name == claim.Name);

    // "nginx" is stored as "nginx:latest" on nodes; a colon before the last slash is a registry's port.
    internal static string NormalizeImage(string image) =>
        image.LastIndexOf(':') <= image.LastIndexOf('/') ? image + ":latest" : image;

    private AffinityTerm[] Terms(List<PodAffinityTerm>? terms) =>
        terms is null ? [] : [.. terms.Select(term => new AffinityTerm(term, Key.Namespace))];

    private AffinityTerm[] Terms(List<WeightedPodAffinityTerm>? terms) =>
        terms is null
            ? []
            : [.. terms.Select(term => new AffinityTerm(term.PodAffinityTerm ?? new PodAffinityTerm(), Key.Namespace, term.Weight ?? 0))];
}
