using System.Collections.Immutable;
using Orchestrator.Api.AutoscalingV2;

namespace Orchestrator.Control.Autoscaling;

/// <summary>What an autoscaler remembers: what was recommended, and how the size was changed.</summary>
internal sealed record ScalingHistory(
    ImmutableList<(DateTimeOffset At, int Replicas)> Recommendations, ImmutableList<(DateTimeOffset At, int Change)> Changes)
{
    public static ScalingHistory Empty { get; } = new([], []);

    /// <summary>Longer than any window that can be set.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    public ScalingHistory Recommend(int replicas, DateTimeOffset now) => this with
    {
        Recommendations = Recommendations.RemoveAll(entry => entry.At < now - Kept).Add((now, replicas)),
    };

    public ScalingHistory Change(int change, DateTimeOffset now) => this with
    {
        Changes = Changes.RemoveAll(entry => entry.At < now - Kept).Add((now, change)),
    };

    public ScalingHistory WithoutLastChange() =>
        Changes.Count == 0 ? this : this with { Changes = Changes.RemoveAt(Changes.Count - 1) };

    /// <summary>Replicas added (or removed) within the last <paramref name="seconds"/>.</summary>
    public int Added(int seconds, DateTimeOffset now) =>
        Changes.Where(entry => entry.Change > 0 && entry.At > now.AddSeconds(-seconds)).Sum(entry => entry.Change);

    public int Removed(int seconds, DateTimeOffset now) =>
        -Changes.Where(entry => entry.Change < 0 && entry.At > now.AddSeconds(-seconds)).Sum(entry => entry.Change);
}

/// <summary>Slows an autoscaler down as its spec.behavior says.</summary>
internal sealed class ScalingBehavior(HorizontalPodAutoscalerSpec spec, ScalingHistory history, DateTimeOffset now)
{
    private static readonly List<HPAScalingPolicy> DefaultUp =
    [
        new HPAScalingPolicy { Type = "Pods", Value = 4, PeriodSeconds = 15 },
        new HPAScalingPolicy { Type = "Percent", Value = 100, PeriodSeconds = 15 },
    ];

    private static readonly List<HPAScalingPolicy> DefaultDown =
        [new HPAScalingPolicy { Type = "Percent", Value = 100, PeriodSeconds = 15 }];

    private HPAScalingRules? Up => spec.Behavior?.ScaleUp;

    private HPAScalingRules? Down => spec.Behavior?.ScaleDown;

    /// <summary>The least recent recommendation upwards, the greatest downwards, each within its window.</summary>
    public (int Replicas, string Reason, string Message) Stabilize(int current, int desired)
    {
        int up = desired, down = desired;
        var upCutoff = now.AddSeconds(-(Up?.StabilizationWindowSeconds ?? 0));
        var downCutoff = now.AddSeconds(-(Down?.StabilizationWindowSeconds ?? 300));
        foreach (var (at, replicas) in history.Recommendations)
        {
            if (at > upCutoff)
                up = Math.Min(up, replicas);
            if (at > downCutoff)
                down = Math.Max(down, replicas);
        }
        int stable = Math.Min(Math.Max(current, up), down);
        if (stable == desired)
            return (desired, "ReadyForNewScale", "recommended size matches current size");
        return stable > desired
            ? (stable, "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation")
            : (stable, "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation");
    }

    /// <summary>Keeps a step within the rates, and the result within the bounds.</summary>
    public (int Replicas, bool IsLimited, string Reason, string Message) Limit(int current, int desired, int min)
    {
        if (desired > current)
        {
            int rate = UpLimit(current);
            int most = Math.Min(Math.Max(rate, current), spec.MaxReplicas ?? int.MaxValue);
            if (desired > most)
            {
                return most == spec.MaxReplicas
                    ? (most, true, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
                    : (most, true, "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
            }
        }
        else if (desired < current)
        {
            int rate = DownLimit(current);
            int least = Math.Max(Math.Min(rate, current), min);
            if (desired < least)
            {
                return least == min
                    ? (least, true, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
                    : (least, true, "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");
            }
        }
        return (desired, false, "DesiredWithinRange", "the desired count is within the acceptable range");
    }

    private int UpLimit(int current)
    {
        if (Up?.SelectPolicy == "Disabled")
            return current;
        var proposals = (Up?.Policies ?? DefaultUp).Select(policy =>
        {
            int seconds = policy.PeriodSeconds ?? 15;
            int start = current - history.Added(seconds, now) + history.Removed(seconds, now);
            return policy.Type == "Pods"
                ? start + (policy.Value ?? 0) : (int)Math.Ceiling(start * (1 + ((policy.Value ?? 0) / 100.0)));
        });
        return Up?.SelectPolicy == "Min" ? proposals.Min() : proposals.Max();
    }

    private int DownLimit(int current)
    {
        if (Down?.SelectPolicy == "Disabled")
            return current;
        var proposals = (Down?.Policies ?? DefaultDown).Select(policy =>
        {
            int seconds = policy.PeriodSeconds ?? 15;
            int start = current - history.Added(seconds, now) + history.Removed(seconds, now);
            return policy.Type == "Pods"
                ? start - (policy.Value ?? 0) : (int)(start * (1 - ((policy.Value ?? 0) / 100.0)));
        });
        // "Max" is the greatest change, hence the lowest number.
        return Down?.SelectPolicy == "Min" ? proposals.Max() : proposals.Min();
    }
}
