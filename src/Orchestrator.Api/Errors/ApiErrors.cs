using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api;

/// <summary>The one table of refusals: Kubernetes' code, reason, text and details for each.</summary>
public static class ApiErrors
{
    /// <summary>What a stale write is told.</summary>
    public const string ModifiedText = "the object has been modified; please apply your changes to the latest version and try again";

    public static ApiException NotFound(GroupResource resource, string name) =>
        Failure(404, StatusReasons.NotFound, $"{resource} {GoText.Quote(name)} not found", Details(resource, name));

    /// <summary>A path that nothing serves.</summary>
    public static ApiException PathNotFound() =>
        Failure(404, StatusReasons.NotFound, "the server could not find the requested resource", new StatusDetails());

    public static ApiException AlreadyExists(GroupResource resource, string name) =>
        Failure(409, StatusReasons.AlreadyExists, $"{resource} {GoText.Quote(name)} already exists", Details(resource, name));

    /// <summary>The name was made from generateName, and was taken again and again.</summary>
    public static ApiException GenerateNameConflict(GroupResource resource, string name, int retryAfterSeconds)
    {
        var details = Details(resource, name);
        details.RetryAfterSeconds = retryAfterSeconds;
        return Failure(409, StatusReasons.AlreadyExists,
            $"{resource} {GoText.Quote(name)} already exists, the server was not able to generate a unique name for the object", details);
    }

    public static ApiException Conflict(GroupResource resource, string name, string? message = null) =>
        Failure(409, StatusReasons.Conflict,
            $"Operation cannot be fulfilled on {resource} {GoText.Quote(name)}: {message ?? ModifiedText}", Details(resource, name));

    /// <summary>Others own fields that a server-side apply would change.</summary>
    public static ApiException ApplyConflict(IEnumerable<StatusCause> causes, string message) =>
        Failure(409, StatusReasons.Conflict, message, new StatusDetails { Causes = [.. causes] });

    public static ApiException Invalid(GroupKind kind, string name, IEnumerable<FieldError> errors)
    {
        FieldError[] all = [.. errors];
        string head = $"{kind} {GoText.Quote(name)} is invalid";
        var details = new StatusDetails
        {
            Name = NullIfEmpty(name),
            Group = NullIfEmpty(kind.Group),
            Kind = NullIfEmpty(kind.Kind),
            Causes = [.. all.Select(Cause)],
        };
        return Failure(422, StatusReasons.Invalid, all.Length == 0 ? head : $"{head}: {FieldError.Join(all)}", details);
    }

    public static ApiException BadRequest(string text) => Failure(400, StatusReasons.BadRequest, text);

    /// <summary>The body was read, but is not what it says it is.</summary>
    public static ApiException CannotBeHandled(GroupVersionKind kind, string text) =>
        BadRequest($"{kind.Kind} in version {GoText.Quote(kind.Version)} cannot be handled as a {kind.Kind}: {text}");

    public static ApiException Forbidden(GroupResource resource, string name, string reason)
    {
        string message = resource == default ? $"forbidden: {reason}"
            : name.Length == 0 ? $"{resource} is forbidden: {reason}"
            : $"{resource} {GoText.Quote(name)} is forbidden: {reason}";
        return Failure(403, StatusReasons.Forbidden, message, Details(resource, name));
    }

    public static ApiException Unauthorized() => Failure(401, StatusReasons.Unauthorized, "Unauthorized");

    public static ApiException MethodNotSupported(GroupResource resource, string action) =>
        Failure(405, StatusReasons.MethodNotAllowed,
            $"{action} is not supported on resources of kind {GoText.Quote(resource.ToString())}",
            new StatusDetails { Group = NullIfEmpty(resource.Group), Kind = resource.Resource });

    /// <summary>A path is served, but not by that method.</summary>
    public static ApiException MethodNotAllowed() =>
        Failure(405, StatusReasons.MethodNotAllowed, "the server does not allow this method on the requested resource", new StatusDetails());

    public static ApiException NotAcceptable(IEnumerable<string> mediaTypes) =>
        Failure(406, StatusReasons.NotAcceptable,
            $"only the following media types are accepted: {string.Join(", ", mediaTypes)}");

    public static ApiException UnsupportedMediaType(IEnumerable<string> mediaTypes) =>
        Failure(415, StatusReasons.UnsupportedMediaType,
            $"the body of the request was in an unknown format - accepted media types include: {string.Join(", ", mediaTypes)}");

    public static ApiException RequestEntityTooLarge(string text) =>
        Failure(413, StatusReasons.RequestEntityTooLarge, $"Request entity too large: {text}");

    public static ApiException Gone(string text) => Failure(410, StatusReasons.Gone, text);

    /// <summary>The resource version is too old.</summary>
    public static ApiException Expired(string text) => Failure(410, StatusReasons.Expired, text);

    public static ApiException TooManyRequests(string text, int retryAfterSeconds) =>
        Failure(429, StatusReasons.TooManyRequests, text, new StatusDetails { RetryAfterSeconds = retryAfterSeconds });

    /// <summary>The request ran out of time; it may still take effect.</summary>
    public static ApiException Timeout(string text, int retryAfterSeconds) =>
        Failure(504, StatusReasons.Timeout, $"Timeout: {text}", new StatusDetails { RetryAfterSeconds = NullIfZero(retryAfterSeconds) });

    public static ApiException ServerTimeout(GroupResource resource, string operation, int retryAfterSeconds)
    {
        var details = Details(resource, operation);
        details.RetryAfterSeconds = NullIfZero(retryAfterSeconds);
        return Failure(500, StatusReasons.ServerTimeout,
            $"The {operation} operation against {resource} could not be completed at this time, please try again.", details);
    }

    public static ApiException InternalError(string text) =>
        Failure(500, StatusReasons.InternalError, $"Internal error occurred: {text}",
            new StatusDetails { Causes = [new StatusCause { Message = text }] });

    /// <summary>The store has a value under the object's key that is none.</summary>
    public static ApiException StoreReadError(GroupResource resource, string storeKey, string text) =>
        Failure(500, StatusReasons.StoreReadError, $"failed to read one or more {resource} from the storage: {text}",
            new StatusDetails
            {
                Group = NullIfEmpty(resource.Group),
                Kind = resource.Resource,
                Causes = [new StatusCause { Reason = "UnexpectedServerResponse", Field = storeKey, Message = text }],
            });

    public static ApiException ServiceUnavailable(string text) => Failure(503, StatusReasons.ServiceUnavailable, text);

    /// <summary>The body that answers a request which succeeded and has nothing else to say.</summary>
    public static Status Success(StatusDetails? details = null) => new() { StatusValue = "Success", Details = details };

    private static ApiException Failure(int code, string reason, string message, StatusDetails? details = null) =>
        new(new Status { StatusValue = "Failure", Message = message, Reason = reason, Details = details, Code = code });

    private static StatusDetails Details(GroupResource resource, string name) => new()
    {
        Name = NullIfEmpty(name),
        Group = NullIfEmpty(resource.Group),
        Kind = NullIfEmpty(resource.Resource),
    };

    private static StatusCause Cause(FieldError error) =>
        new() { Reason = error.Type.ToString(), Message = error.Body, Field = error.Field };

    // The names of a resource that is none (default) are null.
    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static int? NullIfZero(int number) => number == 0 ? null : number;
}
