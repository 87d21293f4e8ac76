using Orchestrator.Api.AutoscalingV2;

namespace Orchestrator.Api.Defaulting;

/// <summary>Defaults of a HorizontalPodAutoscaler (autoscaling/v2).</summary>
internal static class AutoscalerDefaults
{
    private const int CpuUtilizationPercent = 80;

    public static void Apply(HorizontalPodAutoscaler scaler)
    {
        var spec = scaler.Spec;
        spec.MinReplicas ??= 1;
        if (spec.Metrics is not { Count: > 0 })
            spec.Metrics = [CpuMetric()];
        if (spec.Behavior is not { } behavior)
            return;
        // Who says something of one direction sees in full what holds for both.
        behavior.ScaleUp = Filled(behavior.ScaleUp, 0, [("Pods", 4), ("Percent", 100)]);
        behavior.ScaleDown = Filled(behavior.ScaleDown, null, [("Percent", 100)]);
    }

    private static MetricSpec CpuMetric() => new()
    {
        Type = "Resource",
        Resource = new ResourceMetricSource
        {
            Name = "cpu",
            Target = new MetricTarget { Type = "Utilization", AverageUtilization = CpuUtilizationPercent },
        },
    };

    private static HPAScalingRules Filled(HPAScalingRules? rules, int? windowSeconds, (string Type, int Value)[] policies)
    {
        rules ??= new HPAScalingRules();
        rules.StabilizationWindowSeconds ??= windowSeconds;
        rules.SelectPolicy ??= "Max";
        rules.Policies ??= [.. policies.Select(policy =>
            new HPAScalingPolicy { Type = policy.Type, Value = policy.Value, PeriodSeconds = 15 })];
        return rules;
    }
}
