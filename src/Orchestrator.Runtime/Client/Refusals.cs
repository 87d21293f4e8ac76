using Orchestrator.Api;

namespace Orchestrator.Runtime.Client;

/// <summary>What a refusal means to a caller that goes on after it.</summary>
public static class Refusals
{
    public static bool IsNotFound(this ApiException refusal) => refusal.Status.Code == 404;

    public static bool IsAlreadyExists(this ApiException refusal) => refusal.Status.Reason == "AlreadyExists";

    /// <summary>The object has changed since it was read.</summary>
    public static bool IsConflict(this ApiException refusal) => refusal.Status.Reason == "Conflict";

    /// <summary>The asked-for resourceVersion is compacted: list anew.</summary>
    public static bool IsExpired(this ApiException refusal) => refusal.Status.Reason is "Expired" or "Gone";

    public static bool IsInvalid(this ApiException refusal) => refusal.Status.Code == 422;

    public static bool IsForbidden(this ApiException refusal) => refusal.Status.Code == 403;

    public static bool IsTooManyRequests(this ApiException refusal) => refusal.Status.Code == 429;

    /// <summary>The server has not seen the asked-for resourceVersion yet.</summary>
    public static bool IsTooLargeResourceVersion(this ApiException refusal) =>
        refusal.Status.Code == 504
        && (refusal.Status.Message ?? "").Contains("Too large resource version", StringComparison.Ordinal);

    /// <summary>Whether a cause of this reason is given in the details.</summary>
    public static bool HasCause(this ApiException refusal, string reason) =>
        (refusal.Status.Details?.Causes).OrEmpty().Any(cause => cause.Reason == reason);
}
