using Orchestrator.Api.PolicyV1;
using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Preemption;

/// <summary>The cluster's disruption budgets: preemption spares what they guard, as long as it can.</summary>
internal sealed class DisruptionBudgets
{
    private readonly Dictionary<NamespacedName, (PodDisruptionBudget Budget, Selector Selector)> _budgets = [];

    public void Set(PodDisruptionBudget budget) => _budgets[budget.Key] = (budget, Selector.Of(budget.Spec.Selector));

    public void Remove(NamespacedName key) => _budgets.Remove(key);

    /// <summary>Those of the pods that would go beyond a budget if all went, one after the other.</summary>
    public HashSet<PodInfo> Violating(IEnumerable<PodInfo> pods)
    {
        var violating = new HashSet<PodInfo>();
        if (_budgets.Count == 0)
            return violating;
        var left = new Dictionary<NamespacedName, int>();
        foreach (var pod in pods.Where(pod => pod.Labels is { Count: > 0 }))
        {
            foreach (var (key, (budget, selector)) in _budgets)
            {
                if (key.Namespace != pod.Key.Namespace || selector.IsEverything || !selector.Matches(pod.Labels))
                    continue;
                // It was counted when its eviction was allowed.
                if (budget.Status.DisruptedPods.OrEmpty().ContainsKey(pod.Key.Name))
                    continue;
                int allowed = left.GetValueOrDefault(key, budget.Status.DisruptionsAllowed ?? 0) - 1;
                left[key] = allowed;
                if (allowed < 0)
                    violating.Add(pod);
            }
        }
        return violating;
    }
}
