using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>Tells the ends of calls apart.</summary>
internal static class Failure
{
    // Refusals outside of etcd's own table arrive as Unknown, which is also what a proxy or a broken server would give, and
    // what Lock and Campaign make of a timeout inside the server.
    private static readonly string[] RefusalsOfCodeUnknown =
    [
        EtcdErrors.LeaseNotFound, EtcdErrors.PermissionDenied, "etcdserver: re-configuration failed", "auth: ", "election: ",
        "\"leader\" field must be provided",
        "unknown method", "not a primary lessor", "re-configuration failed",
    ];

    public static FailureKind KindOf(Status status, bool hasCredentials)
    {
        if (status.DebugException is RequestNotSentException)
            // Too large to send: no endpoint would change that.
            return status.StatusCode == StatusCode.ResourceExhausted ? FailureKind.Refused : FailureKind.NeverSent;
        if (status.DebugException is not null)
            return status.StatusCode is StatusCode.ResourceExhausted or StatusCode.DeadlineExceeded
                ? FailureKind.Doubtful
                : FailureKind.Lost;
        return KindOfAnswer(status, hasCredentials);
    }

    public static bool IsTokenRefused(string text, bool hasCredentials) => hasCredentials
        && text is (EtcdErrors.InvalidAuthToken or EtcdErrors.AuthOldRevision or EtcdErrors.UserEmpty);

    public static EtcdException ToException(RpcException exception, string endpoint) =>
        new(exception.StatusCode, exception.Status.Detail, endpoint, exception);

    /// <summary>It may be different in a moment.</summary>
    public static bool IsPassing(EtcdException exception) => exception.Code
        is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled or StatusCode.Internal
            or StatusCode.Unknown;

    private static FailureKind KindOfAnswer(Status status, bool hasCredentials) => status.StatusCode switch
    {
        _ when IsTokenRefused(status.Detail, hasCredentials) => FailureKind.TokenRefused,
        _ when status.Detail == EtcdErrors.NotSupportedForLearner => FailureKind.WrongMember,
        StatusCode.Unavailable => FailureKind.Unavailable,
        StatusCode.Unknown when RefusalsOfCodeUnknown.Any(
            text => status.Detail.StartsWith(text, StringComparison.Ordinal)) => FailureKind.Refused,
        StatusCode.Unknown or StatusCode.Internal or StatusCode.Cancelled or StatusCode.Aborted
            or StatusCode.DeadlineExceeded => FailureKind.Doubtful,
        _ => FailureKind.Refused,
    };
}
