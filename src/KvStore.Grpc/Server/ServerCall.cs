using System.Diagnostics;

namespace KvStore.Grpc;

/// <summary>The part of a served call that does not depend on how it came: its cancellation, its deadline, its end.</summary>
internal abstract class ServerCall(GrpcServer server, ServerMethod method) : ServerCallContext
{
    // Owned by calls that can be cancelled by more than the transport: streams and calls with a deadline.
    private CancellationTokenSource? _cancellation;
    private CancellationTokenRegistration _transportRegistration;
    private CancellationTokenRegistration _shutdownRegistration;
    private ITimer? _deadlineTimer;
    private StatusBox? _cancelStatus;
    private DateTime _deadline = DateTime.MaxValue;
    private long _startTimestamp;
    private Status _endStatus;

    public sealed override string Method => method.FullName;

    public sealed override DateTime Deadline => _deadline;

    public bool HasDeadline => _deadline != DateTime.MaxValue;

    public sealed override CancellationToken CancellationToken => _cancellation?.Token ?? TransportCancellation;

    /// <summary>Cancelled when the client cancels or its connection is lost.</summary>
    protected abstract CancellationToken TransportCancellation { get; }

    protected GrpcServerOptions Options { get; } = server.Options;

    protected bool IsStreaming => method.Type != MethodType.Unary;

    protected bool IsObserved => Observer is not null;

    private ServerCallObserver? Observer => Options.Observer;

    /// <summary>Called once, before the request is read.</summary>
    /// <exception cref="RpcException">The call is refused.</exception>
    public void Begin()
    {
        if (Observer is not null)
            _startTimestamp = Stopwatch.GetTimestamp();
        try
        {
            var timeout = RequestTimeout();
            if (IsStreaming || timeout is not null)
                BecomeCancellable(timeout);
        }
        finally
        {
            Observer?.OnStarted(this, method.Type);
        }
    }

    /// <summary>The one request that there must be.</summary>
    /// <exception cref="RpcException">There is none, there are more, or it is broken.</exception>
    public abstract ValueTask<T> ReadSingleAsync<T>(Marshaller<T> marshaller, bool keepBytes);

    public abstract IServerRequestStream<T> Requests<T>(Marshaller<T> marshaller);

    public abstract IServerStreamWriter<T> Responses<T>(Marshaller<T> marshaller);

    /// <summary>Ends a unary call whose handler returned.</summary>
    public abstract void CompleteUnary<T>(Marshaller<T> marshaller, T response);

    /// <summary>Ends a streaming call whose handler returned.</summary>
    public abstract void CompleteStream();

    /// <summary>Ends a call whose handler, or whose reading or writing, threw.</summary>
    public abstract void Fail(Exception exception);

    /// <summary>The time that the client allows, or null.</summary>
    protected abstract TimeSpan? RequestTimeout();

    /// <summary>Called once, after the response is complete.</summary>
    public void End()
    {
        _deadlineTimer?.Dispose();
        _transportRegistration.Dispose();
        _shutdownRegistration.Dispose();
        Observer?.OnFinished(this, method.Type, _endStatus, Stopwatch.GetElapsedTime(_startTimestamp));
    }

    /// <summary>What the client is told when a handler, or the reading of its request, threw.</summary>
    protected Status StatusOf(Exception exception)
    {
        switch (exception)
        {
            case RpcException refusal:
                return refusal.Status;
            case OperationCanceledException or IOException when IsCancelled:
                return CancelStatus;
            default:
                Options.OnUnhandledException?.Invoke(Method, exception);
                return new Status(StatusCode.Unknown, exception.Message, exception);
        }
    }

    /// <summary>What a handler's return means: a cancelled stream did not end well, though its handler ended quietly.</summary>
    protected Status StatusOfReturn() =>
        Status.StatusCode == StatusCode.OK && _cancelStatus is { } cancelled ? cancelled.Status : Status;

    protected Metadata? TrailersOf(Exception exception) =>
        exception is RpcException { Trailers.Count: > 0 } refusal ? refusal.Trailers : ResponseTrailersOrNull;

    public void ReportFaultOf(Task abandoned) => abandoned.ContinueWith(
        (task, state) => ((ServerCall)state!).ReportAbandoned(task.Exception!.InnerException!),
        this, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);

    /// <summary>Cancels the call's token, so that it is cancelled before its handler sees the transport's exception.</summary>
    public void CancelByTransport() => Cancel(Status.DefaultCancelled);

    protected void EndsWith(Status status) => _endStatus = status;

    protected void Received(int sizeBytes) => Observer?.OnMessageReceived(this, sizeBytes);

    protected void Sent(int sizeBytes) => Observer?.OnMessageSent(this, sizeBytes);

    private bool IsCancelled => _cancelStatus is not null || CancellationToken.IsCancellationRequested;

    private Status CancelStatus => _cancelStatus?.Status ?? Status.DefaultCancelled;

    private void BecomeCancellable(TimeSpan? timeout)
    {
        _cancellation = new CancellationTokenSource();
        _transportRegistration =
            TransportCancellation.UnsafeRegister(static call => ((ServerCall)call!).CancelByTransport(), this);
        if (IsStreaming)
            _shutdownRegistration = server.Stopping.UnsafeRegister(static call => ((ServerCall)call!).CancelByShutdown(), this);
        if (timeout is { } allowed)
            SetDeadline(allowed);
        // Too late already, or a stream that comes while streams are being ended: its handler need not begin.
        if (IsCancelled)
            throw new RpcException(CancelStatus);
    }

    private void SetDeadline(TimeSpan timeout)
    {
        var now = Options.TimeProvider.GetUtcNow().UtcDateTime;
        _deadline = timeout < DateTime.MaxValue - now ? now + timeout : DateTime.MaxValue;
        if (timeout <= TimeSpan.Zero)
            CancelByDeadline();
        else if (timeout < GrpcTimeout.LongestTimer)
            _deadlineTimer = Options.TimeProvider.CreateTimer(
                static call => ((ServerCall)call!).CancelByDeadline(), this, timeout, Timeout.InfiniteTimeSpan);
    }

    private void CancelByDeadline() => Cancel(GrpcTimeout.Exceeded);

    private void CancelByShutdown() => Cancel(Options.ShutdownStatus);

    private void Cancel(Status status)
    {
        // The first reason stays: what cancels later only hears of the end.
        if (Interlocked.CompareExchange(ref _cancelStatus, new StatusBox(status), null) is not null)
            return;
        try
        {
            _cancellation?.Cancel();
        }
        catch (AggregateException exception)
        {
            // A handler's own registration on the token threw: its fault, but not this thread's.
            Options.OnUnhandledException?.Invoke(Method, exception);
        }
    }

    private void ReportAbandoned(Exception exception)
    {
        if (exception is not (OperationCanceledException or RpcException))
            Options.OnUnhandledException?.Invoke(Method, exception);
    }

    private sealed record StatusBox(Status Status);
}
