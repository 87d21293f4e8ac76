using System.Text.Json.Nodes;

namespace Orchestrator.Api.ManagedFields;

/// <summary>A place that holds a value, null among them, or holds nothing.</summary>
internal readonly record struct Slot(bool IsThere, JsonNode? Value)
{
    public static Slot Absent => default;

    public static Slot Of(JsonNode? value) => new(true, value);

    /// <summary>Null, or a map or list without anything in it.</summary>
    public bool IsEmpty => Value is null or JsonObject { Count: 0 } or JsonArray { Count: 0 };
}
