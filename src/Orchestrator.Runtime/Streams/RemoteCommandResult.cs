using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Runtime.Streams;

/// <summary>How a remote command ended: what the error channel carries as a Status.</summary>
public sealed record RemoteCommandResult
{
    public static RemoteCommandResult Success { get; } = new() { ExitCode = 0 };

    /// <summary>The command's exit code, when it ran to its end.</summary>
    public int? ExitCode { get; private init; }

    /// <summary>Why it could not be run, or not to its end.</summary>
    public string? Error { get; private init; }

    public static RemoteCommandResult Exited(int exitCode) => exitCode == 0 ? Success : new() { ExitCode = exitCode };

    public static RemoteCommandResult Failed(string error) => new() { Error = error };

    /// <summary>The text of protocols before v4, which know no Status; empty for success.</summary>
    internal string ToText() => ExitCode is 0 ? "" : $"error executing remote command: {Message}";

    internal byte[] ToStatus()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
            Write(json);
        return buffer.ToArray();
    }

    /// <summary>What came on the error channel until its end: a Status, the text of an older protocol, or nothing.</summary>
    internal static RemoteCommandResult Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return Success;
        try
        {
            var reader = new Utf8JsonReader(bytes);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            return Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return Failed(Encoding.UTF8.GetString(bytes));
        }
    }

    private string Message => ExitCode is { } code
        ? $"command terminated with non-zero exit code: exit status {code.ToString(CultureInfo.InvariantCulture)}"
        : $"Internal error occurred: error executing command in container: {Error}";

    private void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject("metadata");
        json.WriteEndObject();
        json.WriteString("status", ExitCode is 0 ? "Success" : "Failure");
        if (ExitCode is not 0)
            WriteFailure(json);
        json.WriteEndObject();
    }

    private void WriteFailure(Utf8JsonWriter json)
    {
        json.WriteString("message", Message);
        json.WriteString("reason", ExitCode is null ? "InternalError" : "NonZeroExitCode");
        json.WriteStartObject("details");
        json.WriteStartArray("causes");
        json.WriteStartObject();
        if (ExitCode is { } code)
        {
            json.WriteString("reason", "ExitCode");
            json.WriteString("message", code.ToString(CultureInfo.InvariantCulture));
        }
        else
        {
            json.WriteString("message", $"error executing command in container: {Error}");
        }
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        if (ExitCode is null)
            json.WriteNumber("code", 500);
    }

    private static RemoteCommandResult Read(JsonElement status)
    {
        if (Text(status, "status") == "Success")
            return Success;
        if (Text(status, "reason") == "NonZeroExitCode" && status.TryGetProperty("details", out JsonElement details)
            && details.TryGetProperty("causes", out JsonElement causes))
        {
            foreach (JsonElement cause in causes.EnumerateArray())
            {
                if (Text(cause, "reason") == "ExitCode" && int.TryParse(Text(cause, "message"), CultureInfo.InvariantCulture, out int code))
                    return Exited(code);
            }
        }
        return Failed(Text(status, "message"));
    }

    private static string Text(JsonElement value, string name) =>
        value.TryGetProperty(name, out JsonElement field) ? field.GetString() ?? "" : "";
}
