using System.Runtime.InteropServices;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Writes fields for the generated types: nothing where there is nothing. Maps are written in the order of their keys, so that
/// the same object is always the same text.</summary>
internal static class ValueWriter
{
    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
            writer.WriteString(name, value);
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, int? value)
    {
        if (value is { } number)
            writer.WriteNumber(name, number);
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, long? value)
    {
        if (value is { } number)
            writer.WriteNumber(name, number);
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, double? value)
    {
        if (value is { } number)
            writer.WriteNumber(name, number);
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, bool? value)
    {
        if (value is { } isTrue)
            writer.WriteBoolean(name, isTrue);
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, DateTimeOffset? value)
    {
        if (value is { } time)
            WriteTime(writer, name, time, isMicro: false);
    }

    public static void WriteMicroTime(Utf8JsonWriter writer, ReadOnlySpan<byte> name, DateTimeOffset? value)
    {
        if (value is { } time)
            WriteTime(writer, name, time, isMicro: true);
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, byte[]? value)
    {
        if (value is not null)
            writer.WriteBase64String(name, value);
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, IntOrString? value)
    {
        if (value is not { } either)
            return;
        if (either.IsInt)
            writer.WriteNumber(name, either.IntValue);
        else
            writer.WriteString(name, either.StringValue);
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, Quantity? value)
    {
        if (value is { } quantity)
            writer.WriteString(name, quantity.ToString());
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, JsonElement? value)
    {
        if (value is not { } any || any.ValueKind == JsonValueKind.Undefined)
            return;
        writer.WritePropertyName(name);
        any.WriteTo(writer);
    }

    public static void WriteObject(Utf8JsonWriter writer, ReadOnlySpan<byte> name, IKubernetesValue? value)
    {
        if (value is null)
            return;
        writer.WritePropertyName(name);
        value.WriteTo(writer);
    }

    public static void WriteObjectList<T>(Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<T>? list)
        where T : class, IKubernetesValue<T>
    {
        if (list is { Count: > 0 })
            WriteItems(writer, name, list);
    }

    /// <summary>A required list is there even when it is empty; null is still absent.</summary>
    public static void WriteRequiredObjectList<T>(Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<T>? list)
        where T : class, IKubernetesValue<T>
    {
        if (list is not null)
            WriteItems(writer, name, list);
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<string>? list)
    {
        if (list is { Count: > 0 })
            WriteRequired(writer, name, list);
    }

    public static void WriteRequired(Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<string>? list)
    {
        if (list is null)
            return;
        writer.WriteStartArray(name);
        foreach (string item in list)
            writer.WriteStringValue(item);
        writer.WriteEndArray();
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<int>? list)
    {
        if (list is { Count: > 0 })
            WriteRequired(writer, name, list);
    }

    public static void WriteRequired(Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<int>? list)
    {
        if (list is null)
            return;
        writer.WriteStartArray(name);
        foreach (int item in list)
            writer.WriteNumberValue(item);
        writer.WriteEndArray();
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<long>? list)
    {
        if (list is not { Count: > 0 })
            return;
        writer.WriteStartArray(name);
        foreach (long item in list)
            writer.WriteNumberValue(item);
        writer.WriteEndArray();
    }

    public static void WriteRequired(Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<JsonElement>? list)
    {
        if (list is null)
            return;
        writer.WriteStartArray(name);
        foreach (var item in list)
            item.WriteTo(writer);
        writer.WriteEndArray();
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, Dictionary<string, string>? map)
    {
        if (map is not { Count: > 0 })
            return;
        writer.WriteStartObject(name);
        foreach (var (key, value) in InOrder(map))
            writer.WriteString(key, value);
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, Dictionary<string, byte[]>? map)
    {
        if (map is not { Count: > 0 })
            return;
        writer.WriteStartObject(name);
        foreach (var (key, value) in InOrder(map))
            writer.WriteBase64String(key, value);
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, Dictionary<string, Quantity>? map)
    {
        if (map is not { Count: > 0 })
            return;
        writer.WriteStartObject(name);
        foreach (var (key, value) in InOrder(map))
            writer.WriteString(key, value.ToString());
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, Dictionary<string, DateTimeOffset>? map)
    {
        if (map is not { Count: > 0 })
            return;
        writer.WriteStartObject(name);
        foreach (var (key, value) in InOrder(map))
            writer.WriteString(key, Timestamps.Format(value));
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, Dictionary<string, List<string>>? map)
    {
        if (map is not { Count: > 0 })
            return;
        writer.WriteStartObject(name);
        foreach (var (key, list) in InOrder(map))
        {
            writer.WriteStartArray(key);
            foreach (string item in list)
                writer.WriteStringValue(item);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }

    public static void WriteObjectMap<T>(Utf8JsonWriter writer, ReadOnlySpan<byte> name, Dictionary<string, T>? map)
        where T : class, IKubernetesValue<T>
    {
        if (map is not { Count: > 0 })
            return;
        writer.WriteStartObject(name);
        foreach (var (key, value) in InOrder(map))
        {
            writer.WritePropertyName(key);
            value.WriteTo(writer);
        }
        writer.WriteEndObject();
    }

    private static void WriteItems<T>(Utf8JsonWriter writer, ReadOnlySpan<byte> name, List<T> list)
        where T : class, IKubernetesValue<T>
    {
        writer.WriteStartArray(name);
        foreach (var item in CollectionsMarshal.AsSpan(list))
            item.WriteTo(writer);
        writer.WriteEndArray();
    }

    private static void WriteTime(Utf8JsonWriter writer, ReadOnlySpan<byte> name, DateTimeOffset time, bool isMicro)
    {
        Span<byte> text = stackalloc byte[Timestamps.LengthLimit];
        writer.WriteString(name, text[..Timestamps.Format(time, isMicro, text)]);
    }

    private static IEnumerable<KeyValuePair<string, T>> InOrder<T>(Dictionary<string, T> map)
    {
        if (map.Count == 1)
            return map;
        var entries = map.ToArray();
        Array.Sort(entries, static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        return entries;
    }
}
