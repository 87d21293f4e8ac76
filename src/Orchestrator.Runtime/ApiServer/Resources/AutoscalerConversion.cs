using System.Text.Json.Nodes;

namespace Orchestrator.Runtime.ApiServer.Resources;

/// <summary>Autoscalers are stored as autoscaling/v2 has them. autoscaling/v1 knows one target, the CPU's use; what else there
/// is travels in annotations, so that nothing is lost when such an object is written back.</summary>
internal sealed class AutoscalerConversion : IVersionConversion
{
    private const string MetricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
    private const string BehaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";
    private const string CurrentMetricsAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics";
    private const string ConditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions";

    public JsonObject ToServed(JsonObject stored)
    {
        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (stored["spec"] is JsonObject spec)
        {
            TakeMetrics(spec, annotations);
            Take(spec, "behavior", annotations, BehaviorAnnotation);
        }

        if (stored["status"] is JsonObject status)
        {
            if (CpuOf(status["currentMetrics"] as JsonArray, "current") is { } use)
                status["currentCPUUtilizationPercentage"] = use;
            Take(status, "currentMetrics", annotations, CurrentMetricsAnnotation);
            Take(status, "conditions", annotations, ConditionsAnnotation);
        }

        if (annotations.Count > 0 && stored["metadata"] is JsonObject metadata)
        {
            var all = metadata["annotations"] as JsonObject ?? (JsonObject)(metadata["annotations"] = new JsonObject());
            foreach (var (name, text) in annotations)
                all[name] = text;
        }

        stored["apiVersion"] = "autoscaling/v1";
        return stored;
    }

    public JsonObject ToStored(JsonObject served)
    {
        var annotations = served["metadata"]?["annotations"] as JsonObject;
        if (served["spec"] is JsonObject spec)
        {
            var metrics = Give(annotations, MetricsAnnotation) as JsonArray ?? [];
            if (spec.Remove("targetCPUUtilizationPercentage", out var percent) && percent is not null)
                metrics.Insert(0, CpuMetric(percent.DeepClone()));
            if (metrics.Count > 0)
                spec["metrics"] = metrics;
            if (Give(annotations, BehaviorAnnotation) is { } behavior)
                spec["behavior"] = behavior;
        }

        var currentMetrics = Give(annotations, CurrentMetricsAnnotation);
        var conditions = Give(annotations, ConditionsAnnotation);
        if (served["status"] is JsonObject status)
        {
            status.Remove("currentCPUUtilizationPercentage");
            if (currentMetrics is not null)
                status["currentMetrics"] = currentMetrics;
            if (conditions is not null)
                status["conditions"] = conditions;
        }

        if (annotations is { Count: 0 })
            ((JsonObject)served["metadata"]!).Remove("annotations");
        served["apiVersion"] = "autoscaling/v2";
        return served;
    }

    private static void TakeMetrics(JsonObject spec, SortedDictionary<string, string> annotations)
    {
        if (!spec.Remove("metrics", out var value) || value is not JsonArray metrics)
            return;
        if (CpuOf(metrics, "target") is { } percent)
        {
            spec["targetCPUUtilizationPercentage"] = percent;
            metrics.Remove(metrics.First(metric => IsCpu(metric, "target")));
        }

        if (metrics.Count > 0)
            annotations[MetricsAnnotation] = metrics.ToJsonString();
    }

    private static void Take(
        JsonObject value, string field, SortedDictionary<string, string> annotations, string annotation)
    {
        if (value.Remove(field, out var taken) && taken is not null)
            annotations[annotation] = taken.ToJsonString();
    }

    private static JsonNode? Give(JsonObject? annotations, string annotation)
    {
        if (annotations is null || !annotations.Remove(annotation, out var text))
            return null;
        try
        {
            return JsonNode.Parse(text!.GetValue<string>());
        }
        catch (System.Text.Json.JsonException)
        {
            return null; // A client's own text; Kubernetes ignores it too.
        }
    }

    private static JsonNode? CpuOf(JsonArray? metrics, string part) => metrics?
        .FirstOrDefault(metric => IsCpu(metric, part))?["resource"]?[part]?["averageUtilization"]?.DeepClone();

    private static bool IsCpu(JsonNode? metric, string part) =>
        metric?["type"]?.GetValue<string>() == "Resource"
        && metric["resource"]?["name"]?.GetValue<string>() == "cpu"
        && metric["resource"]?[part]?["averageUtilization"] is not null;

    private static JsonObject CpuMetric(JsonNode percent) => new()
    {
        ["type"] = "Resource",
        ["resource"] = new JsonObject
        {
            ["name"] = "cpu",
            ["target"] = new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = percent },
        },
    };
}
