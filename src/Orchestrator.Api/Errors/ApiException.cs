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

    public bool IsNotFound => Reason == StatusReasons.NotFound;

    public bool IsAlreadyExists => Reason == StatusReasons.AlreadyExists;

    public bool IsConflict => Reason == StatusReasons.Conflict;

    public bool IsInvalid => Reason == StatusReasons.Invalid;

    public bool IsForbidden => Reason == StatusReasons.Forbidden;

    /// <summary>A list or watch must begin anew: its resource version is too old.</summary>
    public bool IsExpired => Reason is StatusReasons.Expired or StatusReasons.Gone;
}
