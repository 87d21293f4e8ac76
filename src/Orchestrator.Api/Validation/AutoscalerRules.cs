using System.Globalization;
using Orchestrator.Api.AutoscalingV2;

namespace Orchestrator.Api.Validation;

/// <summary>Autoscalers of both versions, and the scale that they write.</summary>
internal static class AutoscalerRules
{
    private const string Positive = "must be greater than 0";
    private const int WindowLimit = 3600;
    private const int PeriodLimit = 1800;

    public static void Check(Field root, HorizontalPodAutoscaler scaler)
    {
        var field = root["spec"];
        var spec = scaler.Spec;
        CheckReplicas(field, spec.MinReplicas, spec.MaxReplicas);
        CheckReference(field["scaleTargetRef"], spec.ScaleTargetRef?.Kind, spec.ScaleTargetRef?.Name);
        foreach (var (index, metric) in spec.Metrics.OrEmpty().Index())
            CheckMetric(field["metrics"][index], metric);
        if (spec.Behavior?.ScaleUp is { } up)
            CheckBehavior(field["behavior"]["scaleUp"], up);
        if (spec.Behavior?.ScaleDown is { } down)
            CheckBehavior(field["behavior"]["scaleDown"], down);
    }

    public static void CheckStatusUpdate(Field root, HorizontalPodAutoscaler scaler, HorizontalPodAutoscaler old)
    {
        root["status"]["currentReplicas"].NotNegative(scaler.Status.CurrentReplicas);
        root["status"]["desiredReplicas"].NotNegative(scaler.Status.DesiredReplicas);
    }

    public static void Check(Field root, AutoscalingV1.HorizontalPodAutoscaler scaler)
    {
        var field = root["spec"];
        CheckReplicas(field, scaler.Spec.MinReplicas, scaler.Spec.MaxReplicas);
        CheckReference(field["scaleTargetRef"], scaler.Spec.ScaleTargetRef?.Kind, scaler.Spec.ScaleTargetRef?.Name);
        if (scaler.Spec.TargetCPUUtilizationPercentage < 1)
            field["targetCPUUtilizationPercentage"].Invalid(scaler.Spec.TargetCPUUtilizationPercentage, Positive);
    }

    public static void Check(Field root, AutoscalingV1.Scale scale) => root["spec"]["replicas"].NotNegative(scale.Spec.Replicas);

    private static void CheckReplicas(Field field, int? minimum, int? maximum)
    {
        int max = maximum ?? 0;
        if (minimum < 1)
            field["minReplicas"].Invalid(minimum, "must be greater than or equal to 1");
        if (max < 1)
            field["maxReplicas"].Invalid(max, Positive);
        if (minimum > max)
            field["maxReplicas"].Invalid(max, "must be greater than or equal to `minReplicas`");
    }

    private static void CheckReference(Field field, string? kind, string? name)
    {
        field["kind"].Named(kind, NameRules.PathSegment);
        field["name"].Named(name, NameRules.PathSegment);
    }

    private static void CheckMetric(Field field, MetricSpec metric)
    {
        (string Name, string Type, object? Source)[] sources =
        [
            ("object", "Object", metric.Object), ("external", "External", metric.External), ("pods", "Pods", metric.Pods),
            ("resource", "Resource", metric.Resource), ("containerResource", "ContainerResource", metric.ContainerResource),
        ];
        if (string.IsNullOrEmpty(metric.Type))
            field["type"].Required("must specify a metric source type");
        else
            field["type"].OneOf(metric.Type, "ContainerResource", "External", "Object", "Pods", "Resource");
        if (metric.Object is { } on)
            CheckObject(field["object"], on);
        if (metric.External is { } external)
            CheckExternal(field["external"], external);
        if (metric.Pods is { } pods)
            CheckPods(field["pods"], pods);
        if (metric.Resource is { } resource)
            CheckResource(field["resource"], resource.Name, resource.Target);
        if (metric.ContainerResource is { } container)
        {
            if (string.IsNullOrEmpty(container.Container))
                field["containerResource"]["container"].Required("must specify a container");
            CheckResource(field["containerResource"], container.Name, container.Target);
        }
        foreach (var (name, type, source) in sources)
        {
            if (type == metric.Type && source is null)
                field[name].Required("must populate information for the given metric source");
            else if (type != metric.Type && source is not null)
                field[name].Forbidden("must populate the given metric source only");
        }
    }

    private static void CheckObject(Field field, ObjectMetricSource source)
    {
        CheckReference(field["describedObject"], source.DescribedObject?.Kind, source.DescribedObject?.Name);
        CheckIdentifier(field["metric"], source.Metric);
        CheckTarget(field["target"], source.Target);
        if (source.Target?.Value is null && source.Target?.AverageValue is null)
            field["target"]["averageValue"].Required("must set either a target value or averageValue");
    }

    private static void CheckExternal(Field field, ExternalMetricSource source)
    {
        CheckIdentifier(field["metric"], source.Metric);
        CheckTarget(field["target"], source.Target);
        if (source.Target?.Value is null && source.Target?.AverageValue is null)
            field["target"]["averageValue"].Required("must set either a target value for metric or a per-pod target");
        if (source.Target?.Value is not null && source.Target.AverageValue is not null)
            field["target"]["value"].Forbidden("may not set both a target value for metric and a per-pod target");
    }

    private static void CheckPods(Field field, PodsMetricSource source)
    {
        CheckIdentifier(field["metric"], source.Metric);
        CheckTarget(field["target"], source.Target);
        if (source.Target?.AverageValue is not { Sign: > 0 })
            field["target"]["averageValue"].Required("must specify a positive target averageValue");
    }

    private static void CheckResource(Field field, string? name, MetricTarget? target)
    {
        if (string.IsNullOrEmpty(name))
            field["name"].Required("must specify a resource name");
        CheckTarget(field["target"], target);
        if (target?.AverageUtilization is null && target?.AverageValue is null)
            field["target"]["averageUtilization"].Required("must set either a target raw value or a target utilization");
        if (target?.AverageUtilization is not null && target.AverageValue is not null)
            field["target"]["averageValue"].Forbidden("may not set both a target raw value and a target utilization");
    }

    private static void CheckIdentifier(Field field, MetricIdentifier? metric)
    {
        if (string.IsNullOrEmpty(metric?.Name))
            field["name"].Required("must specify a metric name");
        else
            field["name"].Invalid(metric.Name, NameRules.PathSegment(metric.Name));
        MetadataRules.CheckSelector(field["selector"], metric?.Selector);
    }

    private static void CheckTarget(Field field, MetricTarget? target)
    {
        if (string.IsNullOrEmpty(target?.Type))
            field["type"].Required("must specify a metric target type");
        else if (target.Type is not ("Utilization" or "Value" or "AverageValue"))
            field["type"].Invalid(target.Type, "must be either Utilization, Value, or AverageValue");
        if (target?.Value is { Sign: <= 0 } value)
            field["value"].Invalid(value, "must be positive");
        if (target?.AverageValue is { Sign: <= 0 } average)
            field["averageValue"].Invalid(average, "must be positive");
        if (target?.AverageUtilization < 1)
            field["averageUtilization"].Invalid(target.AverageUtilization, Positive);
    }

    private static void CheckBehavior(Field field, HPAScalingRules rules)
    {
        if (rules.StabilizationWindowSeconds < 0)
            field["stabilizationWindowSeconds"].Invalid(rules.StabilizationWindowSeconds, "must be greater than or equal to zero");
        if (rules.StabilizationWindowSeconds > WindowLimit)
            field["stabilizationWindowSeconds"].Invalid(rules.StabilizationWindowSeconds,
                string.Create(CultureInfo.InvariantCulture, $"must be less than or equal to {WindowLimit}"));
        field["selectPolicy"].OneOfOrAbsent(rules.SelectPolicy, "Disabled", "Max", "Min");
        if (rules.Policies is not { Count: > 0 })
            field["policies"].Required("must specify at least one Policy");
        foreach (var (index, policy) in rules.Policies.OrEmpty().Index())
        {
            var place = field["policies"][index];
            place["type"].OneOf(policy.Type, "Percent", "Pods");
            if (policy.Value is null or <= 0)
                place["value"].Invalid(policy.Value ?? 0, "must be greater than zero");
            if (policy.PeriodSeconds is null or <= 0)
                place["periodSeconds"].Invalid(policy.PeriodSeconds ?? 0, "must be greater than zero");
            if (policy.PeriodSeconds > PeriodLimit)
                place["periodSeconds"].Invalid(policy.PeriodSeconds,
                    string.Create(CultureInfo.InvariantCulture, $"must be less than or equal to {PeriodLimit}"));
        }
    }
}
