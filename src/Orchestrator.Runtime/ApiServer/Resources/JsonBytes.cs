using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Runtime.ApiServer.Resources;

/// <summary>JSON documents as they are stored and sent.</summary>
internal static class JsonBytes
{
    /// <summary>As Kubernetes' own limit on how deep documents may nest.</summary>
    private const int MaxDepth = 512;

    public static JsonWriterOptions WriterOptions { get; } = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true, MaxDepth = MaxDepth,
    };

    public static JsonDocumentOptions DocumentOptions { get; } = new() { MaxDepth = MaxDepth };

    /// <exception cref="JsonException">It is no JSON object.</exception>
    public static JsonObject ParseObject(ReadOnlySpan<byte> json) =>
        JsonNode.Parse(json, documentOptions: DocumentOptions) as JsonObject
            ?? throw new JsonException("expected a JSON object");

    public static byte[] Of(JsonNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
            node.WriteTo(writer);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The text of a top-level property; <c>null</c> if it is not there.</summary>
    public static ReadOnlySpan<byte> Property(byte[] json, string name)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1)
                continue;
            bool isSought = reader.ValueTextEquals(name);
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (isSought)
                return json.AsSpan(start, (int)reader.BytesConsumed - start);
        }

        return "null"u8;
    }
}
