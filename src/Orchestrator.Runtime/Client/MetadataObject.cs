using System.Text.Json;
using Orchestrator.Api;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Runtime.Client;

/// <summary>An object of any kind of which only the metadata is known (what the API calls PartialObjectMetadata).</summary>
public sealed class MetadataObject(GroupVersionKind kind) : IKubernetesObject
{
    public string? ApiVersion { get; set; } = kind.ApiVersion;

    public string? Kind { get; set; } = kind.Kind;

    public ObjectMeta Metadata { get; set; } = new();

    /// <summary>The object's own kind, not the one that stands for partial objects.</summary>
    public GroupVersionKind GroupVersionKind => kind;

    /// <summary>Reads a whole or a partial object and keeps its metadata.</summary>
    public static MetadataObject Read(GroupVersionKind kind, ReadOnlySpan<byte> utf8)
    {
        var read = new MetadataObject(kind);
        var reader = new Utf8JsonReader(utf8);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isMetadata = reader.ValueTextEquals("metadata"u8);
            reader.Read();
            if (isMetadata)
                read.Metadata = ObjectMeta.ReadFrom(ref reader);
            else
                reader.Skip();
        }
        return read;
    }

    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("apiVersion"u8, ApiVersion);
        writer.WriteString("kind"u8, Kind);
        writer.WritePropertyName("metadata"u8);
        Metadata.WriteTo(writer);
        writer.WriteEndObject();
    }

    public IKubernetesObject DeepClone() => new MetadataObject(kind) { Metadata = Metadata.DeepClone() };

    public bool DeepEquals(IKubernetesObject? other) =>
        other is MetadataObject same && same.GroupVersionKind == kind && same.Metadata.DeepEquals(Metadata);
}
