using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Orchestrator.Api.Decoding;

/// <summary>Reads JSON into nodes as Kubernetes does: of equal keys the last one counts, and numbers keep their text.</summary>
public static class JsonText
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = KubernetesJson.DepthLimit };

    /// <returns>Null for the JSON value null.</returns>
    /// <exception cref="JsonException">Its message is that of Go's decoder.</exception>
    public static JsonNode? Parse(ReadOnlySpan<byte> utf8)
    {
        string? error = SyntaxFault.Describe(utf8);
        if (error is not null)
            throw new JsonException(error);
        if (!Utf8.IsValid(utf8))
            utf8 = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(utf8));
        var reader = new Utf8JsonReader(utf8, Options);
        reader.Read();
        return ReadValue(ref reader);
    }

    private static JsonNode? ReadValue(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var map = new JsonObject();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    string key = Text(ref reader);
                    reader.Read();
                    map[key] = ReadValue(ref reader);
                }
                return map;
            case JsonTokenType.StartArray:
                var list = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    list.Add(ReadValue(ref reader));
                return list;
            case JsonTokenType.String:
                return JsonValue.Create(Text(ref reader));
            case JsonTokenType.Null:
                return null;
            default:
                return JsonValue.Create(JsonElement.ParseValue(ref reader));
        }
    }

    /// <summary>A key or text. Halves of surrogate pairs, which .NET refuses, become replacement characters.</summary>
    internal static string Text(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped)
            return Encoding.UTF8.GetString(reader.ValueSpan);
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Unescape(Encoding.UTF8.GetString(reader.ValueSpan));
        }
    }

    private static string Unescape(string raw)
    {
        var plain = new StringBuilder(raw.Length);
        for (int i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '\\')
            {
                plain.Append(raw[i]);
                continue;
            }
            i++;
            switch (raw[i])
            {
                case 'u':
                    plain.Append((char)Convert.ToUInt16(raw.Substring(i + 1, 4), 16));
                    i += 4;
                    break;
                case 'b': plain.Append('\b'); break;
                case 'f': plain.Append('\f'); break;
                case 'n': plain.Append('\n'); break;
                case 'r': plain.Append('\r'); break;
                case 't': plain.Append('\t'); break;
                default: plain.Append(raw[i]); break;
            }
        }
        // Encoding replaces what is no character.
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(plain.ToString()));
    }
}
