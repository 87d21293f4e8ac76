using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>How a field travels in protobuf. <paramref name="Type"/> is a scalar's protobuf name or a message's full name, for a map that
/// of its values (keys are strings).</summary>
public sealed record ProtobufField(int Number, string JsonName, string Type, ProtobufLabel Label)
{
    /// <summary>The message's fields belong to the one around it, as a Go struct that is embedded.</summary>
    public bool IsInlined => JsonName.Length == 0;
}

public enum ProtobufLabel
{
    Optional,
    Repeated,
    Map,
}

/// <summary>A message of Kubernetes' protobuf encoding.</summary>
public sealed class ProtobufMessage
{
    private static readonly Lazy<JsonElement> Table = new(() => EmbeddedTables.ReadJson("protobuf.json"));

    private readonly Dictionary<int, ProtobufField> _fields;

    private ProtobufMessage(string name, JsonElement json)
    {
        Name = name;
        _fields = json.EnumerateObject().Select(ReadField).ToDictionary(field => field.Number);
    }

    /// <summary><c>k8s.io.api.core.v1.Pod</c>.</summary>
    public string Name { get; }

    public IReadOnlyCollection<ProtobufField> Fields => _fields.Values;

    /// <summary>Reads the table anew each time: keep what you get.</summary>
    public static ProtobufMessage? Find(string name) =>
        Table.Value.TryGetProperty(name, out var json) ? new ProtobufMessage(name, json) : null;

    public ProtobufField? Field(int number) => _fields.GetValueOrDefault(number);

    private static ProtobufField ReadField(JsonProperty field) => new(
        int.Parse(field.Name, System.Globalization.CultureInfo.InvariantCulture),
        field.Value[0].GetString()!,
        field.Value[1].GetString()!,
        field.Value[2].GetString() switch
        {
            "map" => ProtobufLabel.Map,
            "repeated" => ProtobufLabel.Repeated,
            _ => ProtobufLabel.Optional,
        });
}
