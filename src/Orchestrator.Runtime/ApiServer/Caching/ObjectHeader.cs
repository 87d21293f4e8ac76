using System.Text.Json;
using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>What is asked of every object in a cache, read without making the object.</summary>
/// <param name="MetadataStart">The index behind the brace that opens the metadata.</param>
/// <param name="Labels">Null if it has none.</param>
/// <param name="IndexValue">Of the field that was asked for; empty if it is not there.</param>
internal readonly record struct ObjectHeader(
    int MetadataStart, string Uid, IReadOnlyDictionary<string, string>? Labels, string IndexValue)
{
    /// <param name="indexedField">Two names with a dot between them (<c>spec.nodeName</c>); null for none.</param>
    /// <exception cref="JsonException">It is no JSON object, or has no metadata.</exception>
    public static ObjectHeader Read(ReadOnlySpan<byte> json, string? indexedField)
    {
        int dot = indexedField?.IndexOf('.', StringComparison.Ordinal) ?? 0;
        var part = indexedField.AsSpan(0, dot);
        var member = dot > 0 ? indexedField.AsSpan(dot + 1) : [];
        var header = new ObjectHeader(-1, "", null, "");
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = KubernetesJson.DepthLimit });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isMetadata = reader.ValueTextEquals("metadata"u8);
            bool isIndexed = dot > 0 && reader.ValueTextEquals(part);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject || !(isMetadata || isIndexed))
                reader.Skip();
            else if (isMetadata)
                header = ReadMetadata(ref reader, header);
            else
                header = header with { IndexValue = ReadMember(ref reader, member) };
        }

        return header.MetadataStart >= 0 ? header : throw new JsonException("an object in the store has no metadata");
    }

    private static ObjectHeader ReadMetadata(ref Utf8JsonReader reader, ObjectHeader header)
    {
        header = header with { MetadataStart = (int)reader.TokenStartIndex + 1 };
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isUid = reader.ValueTextEquals("uid"u8);
            bool areLabels = reader.ValueTextEquals("labels"u8);
            reader.Read();
            if (isUid && reader.TokenType == JsonTokenType.String)
                header = header with { Uid = reader.GetString()! };
            else if (areLabels && reader.TokenType == JsonTokenType.StartObject)
                header = header with { Labels = ReadLabels(ref reader) };
            else
                reader.Skip();
        }

        return header;
    }

    private static Dictionary<string, string>? ReadLabels(ref Utf8JsonReader reader)
    {
        Dictionary<string, string>? labels = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = SharedTexts.Get(ref reader);
            reader.Read();
            (labels ??= [])[key] = reader.TokenType == JsonTokenType.String ? SharedTexts.Get(ref reader) : "";
        }

        return labels;
    }

    private static string ReadMember(ref Utf8JsonReader reader, ReadOnlySpan<char> member)
    {
        string value = "";
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isSought = reader.ValueTextEquals(member);
            reader.Read();
            if (isSought && reader.TokenType == JsonTokenType.String)
                value = reader.GetString()!;
            else
                reader.Skip();
        }

        return value;
    }
}
