using KvStore.Chaos.History;
using KvStore.Grpc;

namespace KvStore.Chaos.Traffic;

/// <summary>Tells what is certainly not done from what one cannot know.</summary>
internal static class CallOutcome
{
    // With these codes etcd refuses: before the request is proposed, or as the result of applying it. All else may be anything.
    private static readonly StatusCode[] Refusals =
    [
        StatusCode.InvalidArgument, StatusCode.NotFound, StatusCode.AlreadyExists, StatusCode.PermissionDenied,
        StatusCode.ResourceExhausted, StatusCode.FailedPrecondition, StatusCode.OutOfRange, StatusCode.Unimplemented,
        StatusCode.Unauthenticated,
    ];

    public static Outcome Of(RpcException end)
    {
        if (end.Status.DebugException is RequestNotSentException)
            return Outcome.Failed;
        // An exception beside the status was found on this side of the wire: no answer.
        return end.Status.DebugException is null && Refusals.Contains(end.StatusCode) ? Outcome.Failed : Outcome.Unknown;
    }
}
