using System.Text.Json.Nodes;

namespace Orchestrator.Runtime.ApiServer.Resources;

/// <summary>Events are stored as core/v1 has them; events.k8s.io/v1 calls the same fields by other names.</summary>
internal sealed class EventConversion : IVersionConversion
{
    // core/v1 -> events.k8s.io/v1; all others have one name.
    private static readonly (string Stored, string Served)[] Names =
    [
        ("involvedObject", "regarding"),
        ("message", "note"),
        ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"),
        ("reportingComponent", "reportingController"),
    ];

    public JsonObject ToServed(JsonObject stored)
    {
        foreach (var (from, to) in Names)
            Rename(stored, from, to);
        stored["apiVersion"] = "events.k8s.io/v1";
        return stored;
    }

    public JsonObject ToStored(JsonObject served)
    {
        foreach (var (to, from) in Names)
            Rename(served, from, to);
        served["apiVersion"] = "v1";
        return served;
    }

    public string ToStoredField(string field)
    {
        const string regarding = "regarding.";
        if (field.StartsWith(regarding, StringComparison.Ordinal))
            return "involvedObject." + field[regarding.Length..];
        return field == "reportingController" ? "reportingComponent" : field;
    }

    private static void Rename(JsonObject value, string from, string to)
    {
        if (value.Remove(from, out var field))
            value[to] = field;
    }
}
