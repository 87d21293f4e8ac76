using System.Text.Json.Nodes;

namespace Orchestrator.Api.Tests.Objects;

/// <summary>Documents in which every field that the schema knows is set, each to a value of its own.</summary>
internal sealed class FullDocument
{
    // No definition of the served groups contains itself; a mistake in the tables should not run for ever.
    private const int DepthLimit = 24;

    private int _count;

    public static JsonObject Of(RegisteredKind kind)
    {
        var document = (JsonObject)new FullDocument().Make(SchemaSet.Kubernetes.Get(kind.Definition), 0);
        document["apiVersion"] = kind.Kind.ApiVersion;
        document["kind"] = kind.Kind.Kind;
        return document;
    }

    private JsonNode Make(Schema schema, int depth)
    {
        Assert.True(depth < DepthLimit, $"{schema} nests too deep");
        if (schema.IsQuantity)
            return $"{(2 * ++_count) + 1}Mi"; // Odd, for 1024Mi would come back as 1Gi.
        if (schema.IsIntOrString)
            return ++_count % 2 == 0 ? _count : $"{_count}%";
        if (schema.Format == "date-time")
            return Time(schema.Name!.EndsWith(".MicroTime", StringComparison.Ordinal));
        if (schema.Properties.Count > 0)
            return new JsonObject(schema.Properties.Select(property =>
                KeyValuePair.Create(property.Key, (JsonNode?)Make(property.Value, depth + 1))));
        if (schema.Items is { } items)
            return items.Properties.Count > 0
                ? new JsonArray(Make(items, depth + 1))
                : new JsonArray(Make(items, depth + 1), Make(items, depth + 1));
        if (schema.AdditionalProperties is { } values)
            return new JsonObject { ["a"] = Make(values, depth + 1), ["b"] = Make(values, depth + 1) };
        return Scalar(schema);
    }

    private JsonNode Time(bool isMicro)
    {
        var time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddMinutes(++_count);
        return isMicro ? Timestamps.FormatMicro(time.AddMicroseconds(_count)) : Timestamps.Format(time);
    }

    private JsonNode Scalar(Schema schema) => (schema.Type, schema.Format) switch
    {
        ("string", "byte") => Convert.ToBase64String(BitConverter.GetBytes(++_count)),
        ("string", _) => $"text {++_count}: <é> \"quoted\"",
        // Above 2^53: a double in between would show.
        ("integer", "int64") => 9_007_199_254_740_993 + ++_count,
        ("integer", _) => ++_count,
        ("number", _) => ++_count + 0.5,
        ("boolean", _) => true,
        _ => new JsonObject { ["any"] = JsonNode.Parse("1.50"), ["count"] = ++_count },
    };
}
