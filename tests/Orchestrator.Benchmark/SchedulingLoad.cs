using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Benchmark;

/// <summary>A kind of pods to place.</summary>
internal sealed record SchedulingLoad(string Name, Action<Pod, string> Shape)
{
    private const string Hostname = "kubernetes.io/hostname";
    private const string Zone = "topology.kubernetes.io/zone";

    public static SchedulingLoad[] All { get; } =
    [
        new("sets behind services (defaults)", static (_, _) => { }),
        new("required spread over zones", static (pod, app) => pod.Spec.TopologySpreadConstraints =
        [
            new TopologySpreadConstraint
            {
                TopologyKey = Zone, MaxSkew = 1, WhenUnsatisfiable = "DoNotSchedule", LabelSelector = App(app),
            },
        ]),
        new("preferred anti-affinity by host", static (pod, app) => pod.Spec.Affinity = new Affinity
        {
            PodAntiAffinity = new PodAntiAffinity
            {
                PreferredDuringSchedulingIgnoredDuringExecution =
                    [new WeightedPodAffinityTerm { Weight = 100, PodAffinityTerm = Term(Hostname, app) }],
            },
        }),
        new("required anti-affinity by host", static (pod, app) => pod.Spec.Affinity = new Affinity
        {
            PodAntiAffinity = new PodAntiAffinity { RequiredDuringSchedulingIgnoredDuringExecution = [Term(Hostname, app)] },
        }),
        new("node affinity to one of three zones", static (pod, app) => pod.Spec.NodeSelector =
            new Dictionary<string, string> { [Zone] = $"zone-{app.Length % 3}" }),
    ];

    private static LabelSelector App(string app) => new() { MatchLabels = new Dictionary<string, string> { ["app"] = app } };

    private static PodAffinityTerm Term(string topologyKey, string app) =>
        new() { TopologyKey = topologyKey, LabelSelector = App(app) };
}
