using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Jobs;

/// <summary>What a Job's podFailurePolicy says of a failed pod.</summary>
/// <param name="Action">"FailJob", "FailIndex", "Ignore" or "Count"; null where no rule matches, which counts.</param>
internal readonly record struct FailureVerdict(string? Action, string Message)
{
    public bool Counts => Action is null or "Count" or "FailJob" or "FailIndex";
}

internal static class PodFailureRules
{
    public static FailureVerdict Judge(PodFailurePolicy? policy, Pod pod)
    {
        var rules = (policy?.Rules).OrEmpty();
        for (int i = 0; i < rules.Count; i++)
        {
            if (Match(rules[i], pod, i) is { } message)
                return new FailureVerdict(rules[i].Action, message);
        }
        return default;
    }

    /// <returns>Why the rule matches; null if it does not.</returns>
    private static string? Match(PodFailurePolicyRule rule, Pod pod, int number)
    {
        if (rule.OnExitCodes is { } codes)
        {
            foreach (var status in pod.Status.ContainerStatuses.OrEmpty().Concat(pod.Status.InitContainerStatuses.OrEmpty()))
            {
                if (status.State?.Terminated is { } ended && Matches(codes, status.Name, ended.ExitCode ?? 0))
                {
                    return $"Container {status.Name} for pod {pod.Namespace}/{pod.Name} failed with exit code "
                        + $"{ended.ExitCode} matching {rule.Action} rule at index {number}";
                }
            }
            return null;
        }
        foreach (var pattern in rule.OnPodConditions.OrEmpty())
        {
            if (pod.Condition(pattern.Type ?? "") is { } condition && condition.Status == (pattern.Status ?? "True"))
                return $"Pod {pod.Namespace}/{pod.Name} has condition {pattern.Type} matching {rule.Action} rule at index {number}";
        }
        return null;
    }

    private static bool Matches(PodFailurePolicyOnExitCodesRequirement codes, string? container, int exitCode)
    {
        // Success is never a failure, whatever a NotIn says.
        if (exitCode == 0 || (codes.ContainerName is { } name && name != container))
            return false;
        bool isListed = codes.Values.OrEmpty().Contains(exitCode);
        return codes.Operator == "In" ? isListed : !isListed;
    }
}
