using System.Text.Json;
using System.Text.Json.Nodes;

namespace KvStore.Server.Bench.Results;

/// <summary>A result for programs. Names carry their units.</summary>
internal static class ResultJson
{
    public static readonly JsonSerializerOptions Options = new() { WriteIndented = true };

    public static JsonObject Of(LoadResult result) => new()
    {
        ["workload"] = result.Workload,
        ["groups"] = new JsonArray([.. result.Groups.Select(OfGroup)]),
        ["generatorProcessorSeconds"] = result.ClientProcessorTime.TotalSeconds,
    };

    private static JsonObject OfGroup(GroupResult group) => new()
    {
        ["name"] = group.Name,
        ["unit"] = group.Unit,
        ["clients"] = group.Clients,
        ["connections"] = group.Connections,
        ["completed"] = group.Completed,
        ["failed"] = group.Failed,
        ["errors"] = new JsonObject(group.Errors.Select(error => KeyValuePair.Create(error.Key, (JsonNode?)error.Value))),
        ["seconds"] = group.Elapsed.TotalSeconds,
        ["perSecond"] = group.PerSecond,
        ["latencyMicroseconds"] = OfLatency(group.Latency),
    };

    private static JsonObject OfLatency(LatencyHistogram latency) => new()
    {
        ["min"] = latency.Minimum.TotalMicroseconds,
        ["mean"] = latency.Mean.TotalMicroseconds,
        ["p50"] = latency.Percentile(50).TotalMicroseconds,
        ["p90"] = latency.Percentile(90).TotalMicroseconds,
        ["p99"] = latency.Percentile(99).TotalMicroseconds,
        ["p999"] = latency.Percentile(99.9).TotalMicroseconds,
        ["max"] = latency.Maximum.TotalMicroseconds,
    };
}
