using System.Text.Json;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Client;

/// <summary>Reads a line of a watch: <c>{"type":"ADDED","object":{...}}</c>.</summary>
internal static class WatchEventReader
{
    /// <summary>The event's type, and the object's bytes within the line.</summary>
    /// <exception cref="ApiException">The event says ERROR.</exception>
    public static (WatchEventType Type, ReadOnlyMemory<byte> Object) Read(ReadOnlyMemory<byte> line)
    {
        string? type = null;
        ReadOnlyMemory<byte> body = default;
        var reader = new Utf8JsonReader(line.Span);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isType = reader.ValueTextEquals("type"u8);
            bool isObject = reader.ValueTextEquals("object"u8);
            reader.Read();
            if (isType)
                type = reader.GetString();
            if (isObject)
                body = ObjectAt(line, ref reader, isRestOfLine: type is not null);
            else
                reader.Skip();
            if (type is not null && !body.IsEmpty)
                break;
        }
        return type switch
        {
            "ADDED" => (WatchEventType.Added, body),
            "MODIFIED" => (WatchEventType.Modified, body),
            "DELETED" => (WatchEventType.Deleted, body),
            "BOOKMARK" => (WatchEventType.Bookmark, body),
            "ERROR" => throw new ApiException(StatusReader.Read(body.Span)),
            _ => throw new JsonException($"unknown watch event type {type}"),
        };
    }

    // Once the type is known, the object is all that is left but for the closing brace: no need to walk through it twice.
    private static ReadOnlyMemory<byte> ObjectAt(ReadOnlyMemory<byte> line, ref Utf8JsonReader reader, bool isRestOfLine)
    {
        int start = (int)reader.TokenStartIndex;
        if (isRestOfLine)
        {
            int end = line.Span.LastIndexOf((byte)'}');
            return line[start..end];
        }
        reader.Skip();
        return line[start..(int)reader.BytesConsumed];
    }
}
