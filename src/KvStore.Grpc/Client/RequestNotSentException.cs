namespace KvStore.Grpc;

/// <summary>Stands as <see cref="Status.DebugException"/> of a failed call of which no request has left this process: its
/// method can not have run, so that making the call again is safe whatever it does.</summary>
/// <remarks>Mostly no connection could be made. Of a call that ended otherwise, nothing can be said.</remarks>
public sealed class RequestNotSentException(Exception? cause)
    : Exception($"nothing of the request was sent{(cause is null ? "" : ": " + cause.Message)}", cause);
