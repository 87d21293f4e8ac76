using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using KvStore.Server.Configuration;

namespace KvStore.Server.Logging;

/// <summary>Gives a line its bytes, newline included.</summary>
internal static class LogEncoder
{
    private static readonly JsonWriterOptions WriterOptions = new()
    {
        // Quotes, backslashes and control characters are escaped, so a line stays a line; "<" and "+" stay readable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_buffer;

    /// <summary>The bytes are good until the same thread encodes its next line.</summary>
    public static ReadOnlySpan<byte> Encode(in LogLine line, LogFormat format)
    {
        ArrayBufferWriter<byte> buffer = t_buffer ??= new ArrayBufferWriter<byte>(512);
        buffer.ResetWrittenCount();
        if (format == LogFormat.Console)
            WriteConsole(buffer, line);
        else
            WriteJson(buffer, line);
        buffer.Write("\n"u8);
        return buffer.WrittenSpan;
    }

    private static void WriteJson(ArrayBufferWriter<byte> buffer, in LogLine line)
    {
        using var json = new Utf8JsonWriter(buffer, WriterOptions);
        json.WriteStartObject();
        json.WriteString("level"u8, line.LevelName);
        json.WriteString("ts"u8, line.Timestamp);
        if (line.Logger is not null)
            json.WriteString("logger"u8, line.Logger);
        if (line.File.Length > 0)
            json.WriteString("caller"u8, line.Caller);
        json.WriteString("msg"u8, line.Message);
        WriteFields(json, line.Fields);
        json.WriteEndObject();
    }

    private static void WriteConsole(ArrayBufferWriter<byte> buffer, in LogLine line)
    {
        WriteText(buffer, line.Timestamp);
        WriteText(buffer, "\t" + line.LevelName);
        if (line.Logger is not null)
            WriteText(buffer, "\t" + line.Logger);
        if (line.File.Length > 0)
            WriteText(buffer, "\t" + line.Caller);
        // A message is one line whatever it quotes.
        WriteText(buffer, "\t" + line.Message.ReplaceLineEndings(" "));
        if (line.Fields.IsEmpty)
            return;
        WriteText(buffer, "\t");
        using var json = new Utf8JsonWriter(buffer, WriterOptions);
        json.WriteStartObject();
        WriteFields(json, line.Fields);
        json.WriteEndObject();
    }

    private static void WriteText(ArrayBufferWriter<byte> buffer, string text) => Encoding.UTF8.GetBytes(text, buffer);

    private static void WriteFields(Utf8JsonWriter json, ReadOnlySpan<(string Key, object? Value)> fields)
    {
        foreach ((string key, object? value) in fields)
        {
            json.WritePropertyName(key);
            WriteValue(json, value);
        }
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case string text: json.WriteStringValue(text); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case int number: json.WriteNumberValue(number); break;
            case uint number: json.WriteNumberValue(number); break;
            case long number: json.WriteNumberValue(number); break;
            case ulong number: json.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): json.WriteNumberValue(number); break;
            case TimeSpan duration: json.WriteStringValue(GoSyntax.FormatDuration(duration)); break;
            case Exception error: json.WriteStringValue(Describe(error)); break;
            case IEnumerable list: WriteList(json, list); break;
            case IFormattable formattable:
                json.WriteStringValue(formattable.ToString(null, CultureInfo.InvariantCulture));
                break;
            default: json.WriteStringValue(value.ToString()); break;
        }
    }

    private static void WriteList(Utf8JsonWriter json, IEnumerable list)
    {
        json.WriteStartArray();
        foreach (object? item in list)
            WriteValue(json, item);
        json.WriteEndArray();
    }

    /// <summary>The message is what an operator needs; the type is added where it alone does not say what broke.</summary>
    private static string Describe(Exception error) =>
        error is IOException or UnauthorizedAccessException or ConfigurationException
            ? error.Message
            : $"{error.GetType().Name}: {error.Message}";
}
