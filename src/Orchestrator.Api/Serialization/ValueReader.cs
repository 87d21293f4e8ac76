using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Reads fields' values for the generated types. The reader stands on a value's first token and is left on its last.</summary>
internal static class ValueReader
{
    /// <summary>Whether there is an object to read: null stands for an empty one.</summary>
    public static bool BeginObject(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.None)
            reader.Read();
        return reader.TokenType == JsonTokenType.StartObject || (IsNull(ref reader) ? false : throw Mismatch(ref reader));
    }

    /// <summary>Goes to the next field's name and gives its length in bytes, by which generated code tells most names apart.</summary>
    public static bool NextField(ref Utf8JsonReader reader, out int length)
    {
        length = 0;
        if (!reader.Read() || reader.TokenType != JsonTokenType.PropertyName)
            return false;
        length = reader.ValueIsEscaped ? UnescapedLength(ref reader)
            : reader.HasValueSequence ? (int)reader.ValueSequence.Length : reader.ValueSpan.Length;
        return true;
    }

    public static void SkipValue(ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }

    public static string? ReadText(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => SharedTexts.Get(ref reader),
        JsonTokenType.Null => null,
        _ => throw Mismatch(ref reader),
    };

    public static int? ReadInt32(ref Utf8JsonReader reader)
    {
        if (IsNull(ref reader))
            return null;
        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int value) ? value : throw Mismatch(ref reader);
    }

    public static long? ReadInt64(ref Utf8JsonReader reader)
    {
        if (IsNull(ref reader))
            return null;
        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long value) ? value : throw Mismatch(ref reader);
    }

    public static double? ReadNumber(ref Utf8JsonReader reader)
    {
        if (IsNull(ref reader))
            return null;
        return reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out double value) ? value : throw Mismatch(ref reader);
    }

    public static bool? ReadBoolean(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.Null => null,
        _ => throw Mismatch(ref reader),
    };

    public static DateTimeOffset? ReadTime(ref Utf8JsonReader reader)
    {
        if (IsNull(ref reader))
            return null;
        if (reader.TokenType != JsonTokenType.String)
            throw Mismatch(ref reader);
        var text = reader.ValueIsEscaped || reader.HasValueSequence ? Encoding.UTF8.GetBytes(reader.GetString()!) : reader.ValueSpan;
        return Timestamps.TryParse(text, out var time) ? time : throw Mismatch(ref reader);
    }

    public static byte[]? ReadBytes(ref Utf8JsonReader reader)
    {
        if (IsNull(ref reader))
            return null;
        return reader.TokenType == JsonTokenType.String && reader.TryGetBytesFromBase64(out byte[]? value)
            ? value
            : throw Mismatch(ref reader);
    }

    public static IntOrString? ReadIntOrString(ref Utf8JsonReader reader)
    {
        if (IsNull(ref reader))
            return null;
        return reader.TokenType == JsonTokenType.String
            ? IntOrString.FromString(reader.GetString()!)
            : IntOrString.FromInt(ReadInt32(ref reader)!.Value);
    }

    public static Quantity? ReadQuantity(ref Utf8JsonReader reader)
    {
        if (IsNull(ref reader))
            return null;
        string text = reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString()!,
            JsonTokenType.Number => TextOf(ref reader),
            _ => throw Mismatch(ref reader),
        };
        return Quantity.TryParse(text, out var value) ? value : throw Mismatch(ref reader);
    }

    /// <summary>Any JSON, kept as it is: the texts of its numbers too.</summary>
    public static JsonElement? ReadAny(ref Utf8JsonReader reader) =>
        IsNull(ref reader) ? null : JsonElement.ParseValue(ref reader);

    public static T? ReadObject<T>(ref Utf8JsonReader reader)
        where T : class, IKubernetesValue<T> =>
        IsNull(ref reader) ? null : T.ReadFrom(ref reader);

    public static List<T>? ReadObjectList<T>(ref Utf8JsonReader reader)
        where T : class, IKubernetesValue<T>
    {
        if (!BeginList(ref reader))
            return null;
        var list = new List<T>();
        while (NextItem(ref reader))
            list.Add(T.ReadFrom(ref reader));
        return list;
    }

    public static List<string>? ReadTextList(ref Utf8JsonReader reader)
    {
        if (!BeginList(ref reader))
            return null;
        var list = new List<string>();
        while (NextItem(ref reader))
            list.Add(ReadText(ref reader) ?? "");
        return list;
    }

    public static List<int>? ReadInt32List(ref Utf8JsonReader reader)
    {
        if (!BeginList(ref reader))
            return null;
        var list = new List<int>();
        while (NextItem(ref reader))
            list.Add(ReadInt32(ref reader) ?? 0);
        return list;
    }

    public static List<long>? ReadInt64List(ref Utf8JsonReader reader)
    {
        if (!BeginList(ref reader))
            return null;
        var list = new List<long>();
        while (NextItem(ref reader))
            list.Add(ReadInt64(ref reader) ?? 0);
        return list;
    }

    public static List<JsonElement>? ReadAnyList(ref Utf8JsonReader reader)
    {
        if (!BeginList(ref reader))
            return null;
        var list = new List<JsonElement>();
        while (NextItem(ref reader))
            list.Add(JsonElement.ParseValue(ref reader));
        return list;
    }

    public static Dictionary<string, string>? ReadTextMap(ref Utf8JsonReader reader)
    {
        if (!BeginMap(ref reader))
            return null;
        var map = new Dictionary<string, string>();
        while (NextKey(ref reader, out string key))
            map[key] = ReadText(ref reader) ?? "";
        return map;
    }

    public static Dictionary<string, byte[]>? ReadBytesMap(ref Utf8JsonReader reader)
    {
        if (!BeginMap(ref reader))
            return null;
        var map = new Dictionary<string, byte[]>();
        while (NextKey(ref reader, out string key))
            map[key] = ReadBytes(ref reader) ?? [];
        return map;
    }

    public static Dictionary<string, Quantity>? ReadQuantityMap(ref Utf8JsonReader reader)
    {
        if (!BeginMap(ref reader))
            return null;
        var map = new Dictionary<string, Quantity>();
        while (NextKey(ref reader, out string key))
            map[key] = ReadQuantity(ref reader) ?? default;
        return map;
    }

    public static Dictionary<string, DateTimeOffset>? ReadTimeMap(ref Utf8JsonReader reader)
    {
        if (!BeginMap(ref reader))
            return null;
        var map = new Dictionary<string, DateTimeOffset>();
        while (NextKey(ref reader, out string key))
        {
            if (ReadTime(ref reader) is { } time)
                map[key] = time;
        }
        return map;
    }

    public static Dictionary<string, T>? ReadObjectMap<T>(ref Utf8JsonReader reader)
        where T : class, IKubernetesValue<T>
    {
        if (!BeginMap(ref reader))
            return null;
        var map = new Dictionary<string, T>();
        while (NextKey(ref reader, out string key))
            map[key] = T.ReadFrom(ref reader);
        return map;
    }

    public static Dictionary<string, List<string>>? ReadTextListMap(ref Utf8JsonReader reader)
    {
        if (!BeginMap(ref reader))
            return null;
        var map = new Dictionary<string, List<string>>();
        while (NextKey(ref reader, out string key))
            map[key] = ReadTextList(ref reader) ?? [];
        return map;
    }

    private static bool IsNull(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.Null;

    private static bool BeginList(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.StartArray || (IsNull(ref reader) ? false : throw Mismatch(ref reader));

    private static bool BeginMap(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.StartObject || (IsNull(ref reader) ? false : throw Mismatch(ref reader));

    private static bool NextItem(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType != JsonTokenType.EndArray;

    private static bool NextKey(ref Utf8JsonReader reader, out string key)
    {
        key = "";
        if (!reader.Read() || reader.TokenType != JsonTokenType.PropertyName)
            return false;
        key = SharedTexts.Get(ref reader);
        return reader.Read();
    }

    private static int UnescapedLength(ref Utf8JsonReader reader)
    {
        Span<byte> name = stackalloc byte[256];
        int escapedLength = reader.HasValueSequence ? (int)reader.ValueSequence.Length : reader.ValueSpan.Length;
        // No field's name is that long: no case of the generated switch will take it.
        return escapedLength > name.Length ? escapedLength : reader.CopyString(name);
    }

    private static string TextOf(ref Utf8JsonReader reader) =>
        Encoding.ASCII.GetString(reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan);

    /// <summary>The place is enough: <see cref="TypeMismatch"/> finds out what to say from the schema, once something is wrong.</summary>
    private static FieldReadException Mismatch(ref Utf8JsonReader reader) => new(reader.TokenStartIndex);
}
