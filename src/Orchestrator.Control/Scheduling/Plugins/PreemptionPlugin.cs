using Orchestrator.Control.Pods;
using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Preemption;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Looks for a node where a pod would do if less important ones left, and says of each other node why it is none.</summary>
/// <remarks>
/// On a node, all pods of lower priority are taken away for a trial; if the pod would do then, as many as possible come back,
/// the most important first and those that a budget guards before all others. Who cannot come back is a victim.
/// </remarks>
internal sealed class PreemptionPlugin : INoFitPlugin
{
    private const string NoVictims = "No preemption victims found for incoming pod";
    private const string NotHelpful = "Preemption is not helpful for scheduling";

    // So many plans are enough to choose from: at least a hundred, and a tenth of the nodes.
    private const int LeastPlanCount = 100;
    private const int PlanPercentage = 10;

    public NoFitAnswer Resolve(PodInfo pod, ClusterState cluster, FitError error, INodeCheck check)
    {
        if (pod.Pod.Spec.PreemptionPolicy == "Never")
            return new NoFitAnswer("preemption: not eligible due to preemptionPolicy=Never.");
        if (WaitsForVictims(pod, cluster, error))
            return new NoFitAnswer("preemption: not eligible due to a terminating pod on the nominated node.");
        var histogram = new Dictionary<string, int>();
        var plans = Plans(pod, cluster, error, check, histogram);
        if (plans.Count > 0)
            return new NoFitAnswer(null) { Preemption = PreemptionPlan.Cheapest(plans) };
        int unseen = error.NodeCount - error.Refusals.Count;
        if (unseen > 0)
            Count(histogram, NotHelpful, unseen);
        return new NoFitAnswer($"preemption: {FitError.Format(error.NodeCount, histogram)}") { ClearsNomination = true };
    }

    /// <summary>The pod has had its way on a node, and those that leave it for that are not gone yet.</summary>
    private static bool WaitsForVictims(PodInfo pod, ClusterState cluster, FitError error)
    {
        if (!cluster.Nominations.TryGetNode(pod.Uid, out string? name) || cluster.FindNode(name) is not { } node)
            return false;
        for (int i = 0; i < error.Nodes.Count; i++)
        {
            if (error.Nodes[i] == node && !error.Refusals[i].CanBeResolved)
                return false; // No use in waiting there.
        }
        return node.Pods.Any(other => other.Priority < pod.Priority && other.Pod.IsBeingDeleted
            && other.Pod.Condition("DisruptionTarget") is { Status: "True", Reason: "PreemptionByScheduler" });
    }

    private static List<PreemptionPlan> Plans(
        PodInfo pod, ClusterState cluster, FitError error, INodeCheck check, Dictionary<string, int> histogram)
    {
        int limit = Math.Max(LeastPlanCount, error.NodeCount * PlanPercentage / 100);
        var plans = new List<PreemptionPlan>();
        bool hasHarmless = false;
        for (int i = 0; i < error.Nodes.Count && (plans.Count < limit || !hasHarmless); i++)
        {
            if (!error.Refusals[i].CanBeResolved)
            {
                Count(histogram, NotHelpful);
                continue;
            }
            if (Plan(pod, error.Nodes[i], cluster, check, histogram) is not { } plan)
                continue;
            plans.Add(plan);
            hasHarmless |= plan.ViolationCount == 0;
        }
        return plans;
    }

    private static PreemptionPlan? Plan(
        PodInfo pod, NodeInfo node, ClusterState cluster, INodeCheck check, Dictionary<string, int> histogram)
    {
        var lesser = node.Pods.Where(other => other.Priority < pod.Priority).Order(PodImportance.MostFirst).ToList();
        if (lesser.Count == 0)
        {
            Count(histogram, NoVictims);
            return null;
        }
        var lifted = new List<PodInfo>(lesser);
        lesser.ForEach(cluster.Lift);
        try
        {
            if (check.Refusal(pod, node) is { } refusal)
            {
                foreach (string reason in refusal.Reasons)
                    Count(histogram, reason);
                return null;
            }
            var guarded = cluster.Budgets.Violating(lesser);
            foreach (var other in lesser.Where(guarded.Contains).Concat(lesser.Where(other => !guarded.Contains(other))))
                LetBack(other, pod, node, cluster, check, lifted);
            if (lifted.Count == 0)
                return null; // What stood in the way was not on this node.
            var victims = lifted.Order(PodImportance.MostFirst).ToList();
            return new PreemptionPlan(node, victims, victims.Count(guarded.Contains));
        }
        finally
        {
            lifted.ForEach(other => cluster.Return(other, node));
        }
    }

    private static void LetBack(
        PodInfo other, PodInfo pod, NodeInfo node, ClusterState cluster, INodeCheck check, List<PodInfo> lifted)
    {
        cluster.Return(other, node);
        if (check.Refusal(pod, node) is null)
            lifted.Remove(other);
        else
            cluster.Lift(other);
    }

    private static void Count(Dictionary<string, int> histogram, string reason, int count = 1) =>
        histogram[reason] = histogram.GetValueOrDefault(reason) + count;
}
