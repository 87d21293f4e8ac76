using System.Globalization;
using Orchestrator.Api.AutoscalingV2;

namespace Orchestrator.Api.Printing;

/// <summary>Metrics of an autoscaler in short: <c>cpu: 12%/80%, memory: &lt;unknown&gt;/1Gi + 1 more...</c>.</summary>
internal static class AutoscalerTargets
{
    private const int Shown = 2;
    private const string Unknown = "<unknown>";

    public static string Of(List<MetricSpec>? specs, List<MetricStatus>? statuses)
    {
        if (specs is null or { Count: 0 })
            return "<none>";
        string text = string.Join(", ", specs.Take(Shown).Select((spec, index) => Of(spec, statuses?.ElementAtOrDefault(index))));
        return specs.Count > Shown
            ? string.Create(CultureInfo.InvariantCulture, $"{text} + {specs.Count - Shown} more...")
            : text;
    }

    /// <summary>autoscaling/v1 knows of CPU alone.</summary>
    public static string Of(AutoscalingV1.HorizontalPodAutoscaler scaler)
    {
        if (scaler.Spec.TargetCPUUtilizationPercentage is not { } target)
            return "<none>";
        return $"cpu: {Percent(scaler.Status.CurrentCPUUtilizationPercentage, Unknown)}/{Percent(target, "")}";
    }

    private static string Of(MetricSpec spec, MetricStatus? status) => spec.Type switch
    {
        "External" => OfValues(spec.External?.Target, status?.External?.Current),
        "Object" => OfValues(spec.Object?.Target, status?.Object?.Current),
        "Pods" => $"{Text(status?.Pods?.Current?.AverageValue)}/{Text(spec.Pods?.Target?.AverageValue)}",
        "Resource" => OfResource(spec.Resource?.Name, spec.Resource?.Target, status?.Resource?.Current),
        "ContainerResource" =>
            OfResource(spec.ContainerResource?.Name, spec.ContainerResource?.Target, status?.ContainerResource?.Current),
        _ => "<unknown type>",
    };

    private static string OfValues(MetricTarget? target, MetricValueStatus? current) => target?.AverageValue is { } average
        ? $"{Text(current?.AverageValue)}/{average} (avg)"
        : $"{Text(current?.Value)}/{Text(target?.Value)}";

    private static string OfResource(string? name, MetricTarget? target, MetricValueStatus? current) =>
        target?.AverageValue is { } average
            ? $"{name}: {Text(current?.AverageValue)}/{average}"
            : $"{name}: {Percent(current?.AverageUtilization, Unknown)}/{Percent(target?.AverageUtilization, "<auto>")}";

    private static string Text(Quantity? value) => value?.ToString() ?? Unknown;

    private static string Percent(int? value, string absent) =>
        value is { } percent ? string.Create(CultureInfo.InvariantCulture, $"{percent}%") : absent;
}
