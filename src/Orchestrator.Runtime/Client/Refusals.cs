using Orchestrator.Api;

namespace Orchestrator.Runtime.Client;

/// <summary>What a refusal means to a caller that goes on after it, beyond what all know (<see cref="ApiException"/>).</summary>
public static class Refusals
{
    public static bool IsTooManyRequests(this ApiException refusal) => refusal.Status.Code == 429;

    /// <summary>The server has not seen the asked-for resourceVersion yet.</summary>
    public static bool IsTooLargeResourceVersion(this ApiException refusal) =>
        refusal.Status.Code == 504
        && (refusal.Status.Message ?? "").Contains("Too large resource version", StringComparison.Ordinal);

    /// <summary>Whether a cause of this reason is given in the details.</summary>
    public static bool HasCause(this ApiException refusal, string reason) =>
        (refusal.Status.Details?.Causes).OrEmpty().Any(cause => cause.Reason == reason);
}
