using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KvStore.Benchmarks.Reports;

/// <summary>Everything that was measured, every round of it, with the machine and the versions it was measured on.</summary>
internal static class ReportJson
{
    private static readonly JsonSerializerOptions _indented = new() { WriteIndented = true };

    public static string Of(Report report, IReadOnlyDictionary<string, string> versions, IReadOnlyList<Floor> floors)
    {
        var root = new JsonObject
        {
            ["time"] = DateTimeOffset.UtcNow.ToString("o"),
            ["machine"] = new JsonObject
            {
                ["processors"] = Environment.ProcessorCount,
                ["system"] = RuntimeInformation.OSDescription,
                ["runtime"] = RuntimeInformation.FrameworkDescription,
            },
            ["servers"] = new JsonObject(versions.Select(version => KeyValuePair.Create(version.Key, (JsonNode?)version.Value))),
            ["units"] = new JsonObject(Metric.All.Select(metric => KeyValuePair.Create(metric.Name, (JsonNode?)metric.Unit))),
            ["measurements"] = new JsonArray([.. report.Measurements.Select(OfMeasurement)]),
            ["ratios"] = new JsonArray([.. report.Rows.Select(row => OfRatios(report, row)).Where(ratios => ratios.Count > 1)]),
            ["failures"] = new JsonArray([.. report.Failures.Select(failure => JsonValue.Create(failure))]),
            ["floors"] = new JsonArray([.. floors.Select(floor => OfFloor(report, floor))]),
        };
        return root.ToJsonString(_indented) + "\n";
    }

    private static JsonObject OfMeasurement(Measurement measurement)
    {
        var node = new JsonObject { ["row"] = measurement.Row, ["server"] = measurement.Server, ["round"] = measurement.Round };
        foreach (var (metric, value) in measurement.Values)
            node[metric.Name] = value;
        return node;
    }

    private static JsonObject OfRatios(Report report, string row)
    {
        var node = new JsonObject { ["row"] = row };
        foreach (var metric in Metric.All)
        {
            if (report.Ratio(row, metric) is { } ratio)
                node[metric.Name] = ratio;
        }
        return node;
    }

    private static JsonObject OfFloor(Report report, Floor floor) => new()
    {
        ["floor"] = floor.ToString(),
        ["ratio"] = report.Ratio(floor.Row, floor.Metric),
        ["isReached"] = floor.IsReached(report),
    };
}
