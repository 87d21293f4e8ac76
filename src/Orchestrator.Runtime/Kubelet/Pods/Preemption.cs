using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Strategies;
using Orchestrator.Control.Pods;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>Which pods go from a full node so that one that the node itself needs has room: a pure function.</summary>
/// <remarks>
/// Of a class of service only as many go as the lower classes cannot make up for. Within a class the one goes first that comes
/// nearest to what is missing, so that few go; of equals, the one that asks for least.
/// </remarks>
internal static class Preemption
{
    public const string Reason = "Preempting";
    public const string Message = "Preempted in order to admit critical pod";

    /// <param name="pods">Those that take part of the node.</param>
    /// <param name="missing">By resource.</param>
    /// <returns>None where all that may go together would not be enough.</returns>
    public static IReadOnlyList<Pod> Victims(Pod critical, IEnumerable<Pod> pods, IReadOnlyDictionary<string, Quantity> missing)
    {
        List<Candidate> candidates = [.. pods.Where(pod => MayGoFor(critical, pod)).Select(Candidate.Of)];
        ILookup<string, Candidate> classes = candidates.ToLookup(candidate => QualityOfService.ClassOf(candidate.Pod.Spec));
        var chosen = Nearest(classes["Guaranteed"], Without(missing, classes["BestEffort"].Concat(classes["Burstable"])));
        chosen.AddRange(Nearest(classes["Burstable"], Without(missing, classes["BestEffort"].Concat(chosen))));
        chosen.AddRange(Nearest(classes["BestEffort"], Without(missing, chosen)));
        return Without(missing, chosen).Count == 0 ? [.. chosen.Select(candidate => candidate.Pod)] : [];
    }

    private static bool MayGoFor(Pod critical, Pod pod) => !CriticalPods.Has(pod) || pod.Spec.Priority < critical.Spec.Priority;

    private static List<Candidate> Nearest(IEnumerable<Candidate> candidates, Dictionary<string, Quantity> missing)
    {
        List<Candidate> left = [.. candidates], chosen = [];
        while (missing.Count > 0 && left.Count > 0)
        {
            Candidate nearest = left.OrderBy(candidate => candidate.DistanceFrom(missing)).ThenBy(candidate => candidate.Size).First();
            left.Remove(nearest);
            chosen.Add(nearest);
            missing = Without(missing, [nearest]);
        }
        return chosen;
    }

    /// <summary>What is missing still once these have gone.</summary>
    private static Dictionary<string, Quantity> Without(IReadOnlyDictionary<string, Quantity> missing, IEnumerable<Candidate> gone)
    {
        var left = new Dictionary<string, Quantity>(missing);
        foreach (Candidate candidate in gone)
        {
            foreach (string resource in missing.Keys)
                left[resource] -= candidate.Requests.GetValueOrDefault(resource);
        }
        return left.Where(amount => amount.Value.Sign > 0).ToDictionary();
    }

    private sealed record Candidate(Pod Pod, Dictionary<string, Quantity> Requests)
    {
        /// <summary>For pods that are equally near.</summary>
        public (Quantity Memory, Quantity Cpu) Size => (Requests.GetValueOrDefault("memory"), Requests.GetValueOrDefault("cpu"));

        public static Candidate Of(Pod pod) =>
            new(pod, new Dictionary<string, Quantity>(PodResources.Requests(pod.Spec)) { [NodeAdmission.Pods] = Quantity.FromInt64(1) });

        /// <summary>The squares of what would be missing still, as parts of what is: each resource weighs the same.</summary>
        public double DistanceFrom(Dictionary<string, Quantity> missing) => missing.Sum(amount =>
        {
            double part = (amount.Value - Requests.GetValueOrDefault(amount.Key)).ApproximateValue / amount.Value.ApproximateValue;
            return part > 0 ? part * part : 0;
        });
    }
}
