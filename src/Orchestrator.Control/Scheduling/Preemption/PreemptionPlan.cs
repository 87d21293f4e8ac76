using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Preemption;

/// <summary>Who has to leave a node so that a pod of higher priority has a place there.</summary>
/// <param name="Victims">The most important first.</param>
/// <param name="ViolationCount">How many of them a disruption budget would keep.</param>
public sealed record PreemptionPlan(NodeInfo Node, IReadOnlyList<PodInfo> Victims, int ViolationCount)
{
    // Each pod counts by itself, even with a priority below zero: fewer pods are better.
    private const long PriorityOffset = (long)int.MaxValue + 1;

    internal int HighestPriority { get; } = Victims.Max(victim => victim.Priority);

    internal long PrioritySum { get; } = Victims.Sum(victim => victim.Priority + PriorityOffset);

    /// <summary>When the oldest of its most important victims began.</summary>
    internal DateTimeOffset EarliestStart =>
        Victims.Where(victim => victim.Priority == HighestPriority).Min(PodImportance.StartOf);

    /// <summary>Of several plans the one that costs least: budgets, then importance, then number; then the one whose victims
    /// have run the shortest.</summary>
    internal static PreemptionPlan Cheapest(IEnumerable<PreemptionPlan> plans) => plans
        .OrderBy(plan => plan.ViolationCount).ThenBy(plan => plan.HighestPriority).ThenBy(plan => plan.PrioritySum)
        .ThenBy(plan => plan.Victims.Count).ThenByDescending(plan => plan.EarliestStart)
        .First();
}
