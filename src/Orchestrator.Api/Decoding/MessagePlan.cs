using System.Collections.Concurrent;
using System.Text.Json;

namespace Orchestrator.Api.Decoding;

/// <summary>How one field of a message becomes a member of a JSON object.</summary>
/// <param name="Message">The plan of the message that it (or, of a map, its values) holds; null for a scalar.</param>
/// <param name="KeepsZero">A scalar's zero is written; else it says no more than an absent field.</param>
internal sealed record FieldPlan(ProtobufField Field, string JsonName, string? Message, bool KeepsZero);

/// <summary>How a message becomes a JSON object: its fields with what the schema knows of them. Made once and kept.</summary>
internal sealed class MessagePlan
{
    private const string ProtobufRoot = "k8s.io.";
    private const string SchemaRoot = "io.k8s.";

    private static readonly ConcurrentDictionary<string, MessagePlan> Plans = new(StringComparer.Ordinal);

    private readonly Dictionary<int, FieldPlan> _fields;

    private MessagePlan(string name, ProtobufMessage message, Schema? schema)
    {
        Name = name;
        _fields = message.Fields.ToDictionary(field => field.Number, field => Plan(name, field, schema));
    }

    public string Name { get; }

    public IEnumerable<FieldPlan> Fields => _fields.Values;

    public FieldPlan? Field(int number) => _fields.GetValueOrDefault(number);

    /// <returns>Null if there is no such message.</returns>
    public static MessagePlan? Find(string name)
    {
        if (Plans.TryGetValue(name, out var plan))
            return plan;
        // Names that are none come from outside: they are not kept.
        return Make(name) is { } made ? Plans.GetOrAdd(name, made) : null;
    }

    /// <summary><c>io.k8s.api.core.v1.Pod</c> travels as <c>k8s.io.api.core.v1.Pod</c>.</summary>
    public static string MessageOf(string definition) =>
        definition.StartsWith(SchemaRoot, StringComparison.Ordinal) ? ProtobufRoot + definition[SchemaRoot.Length..] : definition;

    private static MessagePlan? Make(string name)
    {
        if (ProtobufMessage.Find(name) is not { } message)
            return null;
        var schema = name.StartsWith(ProtobufRoot, StringComparison.Ordinal)
            ? SchemaSet.Kubernetes.Find(SchemaRoot + name[ProtobufRoot.Length..])
            : null;
        return new MessagePlan(name, message, schema);
    }

    private static FieldPlan Plan(string message, ProtobufField field, Schema? schema)
    {
        string jsonName = field.JsonName;
        Schema? property = null;
        if (schema is not null && !schema.Properties.TryGetValue(jsonName, out property))
        {
            // Protobuf has uID where JSON has uid.
            (string? name, property) = schema.Properties.FirstOrDefault(candidate =>
                string.Equals(candidate.Key, jsonName, StringComparison.OrdinalIgnoreCase));
            jsonName = name ?? jsonName;
        }
        bool keepsZero = OptionalScalars.Contains(message, field.JsonName) ||
            (schema is not null && schema.Required.Contains(jsonName)) ||
            (property?.Default is { } @default && IsZero(@default));
        bool isMessage = field.Type.Contains('.', StringComparison.Ordinal);
        return new FieldPlan(field, jsonName, isMessage ? field.Type : null, keepsZero);
    }

    private static bool IsZero(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!.Length == 0,
        JsonValueKind.Number => value.GetRawText() == "0",
        JsonValueKind.False => true,
        _ => false,
    };
}
