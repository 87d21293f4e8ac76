using Orchestrator.Api.PolicyV1;
using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Disruption;

/// <summary>Whether a pod may be evicted now. The API server asks on a POST to pods/NAME/eviction.</summary>
/// <remarks>Where <see cref="ChangedBudget"/> is given, its status must be written, against its resourceVersion, before the
/// pod is deleted; on a conflict all is asked anew. So two evictions never use up the same disruption.</remarks>
public sealed record EvictionDecision
{
    /// <summary>How many evictions may wait to be confirmed by the disruption controller.</summary>
    private const int UnconfirmedLimit = 2000;

    public bool IsAllowed { get; init; }

    public PodDisruptionBudget? ChangedBudget { get; init; }

    /// <summary>The answer to a refused request.</summary>
    public Status? Refusal { get; init; }

    /// <summary>The delete must be of the very version that was looked at: that it is not ready was what allowed it.</summary>
    public bool BindsVersion { get; init; }

    /// <param name="budgets">All budgets of the pod's namespace.</param>
    public static EvictionDecision Decide(Pod pod, IEnumerable<PodDisruptionBudget> budgets, DateTimeOffset now)
    {
        // A pod that has ended, not begun, or is going already costs nobody anything.
        if (pod.IsTerminal() || pod.Status.Phase == "Pending" || pod.IsBeingDeleted)
            return new EvictionDecision { IsAllowed = true };
        var matching = budgets.Where(budget => budget.Namespace == pod.Namespace
            && Selector.Of(budget.Spec.Selector).Matches(pod.Labels)).ToList();
        if (matching.Count == 0)
            return new EvictionDecision { IsAllowed = true };
        if (matching.Count > 1)
        {
            return new EvictionDecision
            {
                Refusal = Refuse(500, "InternalError", "This pod has more than one PodDisruptionBudget, "
                    + "which the eviction subresource does not support.", null, null),
            };
        }
        var budgetOfPod = matching[0];
        if (!pod.IsReady() && MayEvictUnready(budgetOfPod))
            return new EvictionDecision { IsAllowed = true, BindsVersion = true };
        return Take(budgetOfPod, pod, now);
    }

    private static bool MayEvictUnready(PodDisruptionBudget budget) =>
        budget.Spec.UnhealthyPodEvictionPolicy == "AlwaysAllow"
        || ((budget.Status.CurrentHealthy ?? 0) >= (budget.Status.DesiredHealthy ?? 0) && (budget.Status.DesiredHealthy ?? 0) > 0);

    private static EvictionDecision Take(PodDisruptionBudget budget, Pod pod, DateTimeOffset now)
    {
        var status = budget.Status;
        if ((status.ObservedGeneration ?? 0) < (budget.Metadata.Generation ?? 0))
            return Later($"The disruption budget {budget.Name} is still being processed by the server.", 10);
        if (status.DisruptionsAllowed < 0)
            return Never(budget, "pdb disruptions allowed is negative");
        if (status.DisruptedPods.OrEmpty().Count > UnconfirmedLimit)
            return Never(budget, "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
        if ((status.DisruptionsAllowed ?? 0) == 0)
        {
            var failed = status.Conditions.OrEmpty()
                .FirstOrDefault(condition => condition is { Type: "DisruptionAllowed", Status: "False", Reason: "SyncFailed" });
            return Later(failed is null
                ? $"The disruption budget {budget.Name} needs {status.DesiredHealthy ?? 0} healthy pods "
                    + $"and has {status.CurrentHealthy ?? 0} currently"
                : $"The disruption budget {budget.Name} does not allow evicting pods currently because it failed sync: "
                    + failed.Message, 0);
        }
        var changed = budget.DeepClone();
        changed.Status.DisruptionsAllowed--;
        (changed.Status.DisruptedPods ??= [])[pod.Name] = now;
        if (changed.Status.DisruptionsAllowed == 0)
            DisruptionController.SetAllowed(changed, now);
        return new EvictionDecision { IsAllowed = true, ChangedBudget = changed };
    }

    private static EvictionDecision Later(string cause, int retryAfterSeconds) => new()
    {
        Refusal = Refuse(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.",
            cause, retryAfterSeconds),
    };

    private static EvictionDecision Never(PodDisruptionBudget budget, string text) => new()
    {
        Refusal = Refuse(403, "Forbidden",
            $"poddisruptionbudgets.policy \"{budget.Name}\" is forbidden: {text}", null, null),
    };

    private static Status Refuse(int code, string reason, string message, string? cause, int? retryAfterSeconds) => new()
    {
        StatusValue = "Failure",
        Code = code,
        Reason = reason,
        Message = message,
        Details = cause is null && retryAfterSeconds is null ? null : new StatusDetails
        {
            RetryAfterSeconds = retryAfterSeconds is 0 ? null : retryAfterSeconds,
            Causes = cause is null ? null : [new StatusCause { Reason = "DisruptionBudget", Message = cause }],
        },
    };
}
