namespace Orchestrator.Runtime.Client;

/// <summary>A whole answer.</summary>
/// <param name="RetryAfter">The Retry-After header, where there was one.</param>
public sealed record ApiResponse(int StatusCode, ReadOnlyMemory<byte> Body, TimeSpan? RetryAfter = null)
{
    public bool IsSuccess => StatusCode is >= 200 and < 300;
}
