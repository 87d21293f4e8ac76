using System.Text;
using System.Text.Json;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Runtime.Client;

/// <summary>Makes a refusal's body what it says, and a body that is no Status (of a proxy, say) into one.</summary>
internal static class StatusReader
{
    private const int TextLimit = 1024;

    public static Status Read(ReadOnlySpan<byte> utf8, int code = 500)
    {
        try
        {
            var reader = new Utf8JsonReader(utf8);
            reader.Read();
            var status = Status.ReadFrom(ref reader);
            if (status.Code is not null || status.Reason is not null)
                return status;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException or FormatException)
        {
            // Said below in its own words.
        }
        string text = Encoding.UTF8.GetString(utf8[..Math.Min(utf8.Length, TextLimit)]);
        return new Status
        {
            Code = code,
            Message = text.Length == 0 ? $"the server answered {code}" : text,
            Reason = code switch
            {
                401 => "Unauthorized",
                403 => "Forbidden",
                404 => "NotFound",
                409 => "Conflict",
                410 => "Gone",
                422 => "Invalid",
                429 => "TooManyRequests",
                503 => "ServiceUnavailable",
                504 => "Timeout",
                _ => code >= 500 ? "InternalError" : "BadRequest",
            },
        };
    }
}
