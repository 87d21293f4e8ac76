namespace Orchestrator.Runtime.Streams;

/// <summary>The server did not switch protocols; its answer says why.</summary>
public sealed class UpgradeRefusedException(int statusCode, string body)
    : IOException($"unable to upgrade connection: {statusCode} {body.TrimEnd()}")
{
    public int StatusCode { get; } = statusCode;

    /// <summary>A Status in JSON, or plain text.</summary>
    public string Body { get; } = body;

    internal static async Task<UpgradeRefusedException> FromAsync(HttpResponseMessage response, CancellationToken ct)
    {
        using (response)
            return new UpgradeRefusedException((int)response.StatusCode, await response.Content.ReadAsStringAsync(ct));
    }
}
