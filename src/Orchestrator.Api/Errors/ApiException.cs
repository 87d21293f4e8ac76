using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api;

/// <summary>A refusal that the client gets as it stands: the Status is the answer's body, its code the answer's.</summary>
public sealed class ApiException(Status status) : Exception(status.Message)
{
    public Status Status { get; } = status;

    /// <summary>The HTTP status.</summary>
    public int Code => Status.Code ?? 500;

    /// <summary><c>NotFound</c>, <c>Conflict</c> and so on; empty where unknown. See <see cref="StatusReasons"/>.</summary>
    public string Reason => Status.Reason ?? "";

    // Not everything that answers on a way to the server gives a reason: for these, the code alone will do.
    public bool IsNotFound => Code == 404;

    public bool IsAlreadyExists => Reason == StatusReasons.AlreadyExists;

    public bool IsConflict => Reason == StatusReasons.Conflict;

    public bool IsInvalid => Code == 422;

    public bool IsForbidden => Code == 403;

    /// <summary>A list or watch must begin anew: its resource version is too old.</summary>
    public bool IsExpired => Reason is StatusReasons.Expired or StatusReasons.Gone;
}
