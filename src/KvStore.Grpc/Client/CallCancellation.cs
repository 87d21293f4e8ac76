namespace KvStore.Grpc;

/// <summary>How a caller ends its call: by its token, its deadline, its disposal. The first of them gives the status.</summary>
internal sealed class CallCancellation : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly CancellationTokenRegistration _callerRegistration;
    private readonly ITimer? _deadlineTimer;
    private readonly CallEnd _end;

    public CallCancellation(CallOptions options, CallEnd end, TimeProvider timeProvider)
    {
        _end = end;
        if (options.Deadline is { } deadline)
        {
            Timeout = deadline - timeProvider.GetUtcNow().UtcDateTime;
            if (Timeout <= TimeSpan.Zero)
                Cancel(GrpcTimeout.Exceeded);
            else if (Timeout < GrpcTimeout.LongestTimer)
                _deadlineTimer = timeProvider.CreateTimer(
                    static self => ((CallCancellation)self!).Cancel(GrpcTimeout.Exceeded), this,
                    Timeout.Value, System.Threading.Timeout.InfiniteTimeSpan);
        }

        _callerRegistration = options.CancellationToken.UnsafeRegister(
            static self => ((CallCancellation)self!).Cancel(Status.DefaultCancelled), this);
    }

    public CancellationToken Token => _source.Token;

    /// <summary>What is left until the deadline; null without one.</summary>
    public TimeSpan? Timeout { get; }

    public void Cancel(Status status)
    {
        if (_end.TrySet(status))
            _source.Cancel();
    }

    /// <summary>Stops waiting for a reason; the token stays as it is.</summary>
    public void Dispose()
    {
        _deadlineTimer?.Dispose();
        _callerRegistration.Dispose();
    }
}
