using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>Makes calls of one request and one response: picks the endpoint, tries again where that is safe, and gives every
/// end its meaning.</summary>
internal sealed class CallRunner(ClientOptions options, EndpointSet endpoints, Credentials credentials)
{
    /// <summary>A call that changes nothing: tried again on another endpoint until the time is up.</summary>
    /// <exception cref="EtcdException">Refused, or no endpoint answered in time.</exception>
    public Task<TResponse> ReadAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, TRequest request, RequestOptions? wishes, CancellationToken cancellationToken) =>
        RunAsync(method, request, isWrite: false, wishes, cancellationToken);

    /// <summary>A call that changes something: tried again only where the try before certainly did nothing.</summary>
    /// <remarks>That is: nothing was sent; a learner refused it; the token was refused.</remarks>
    /// <exception cref="EtcdException">Refused, or nothing was sent; nothing has changed.</exception>
    /// <exception cref="UnknownOutcomeException">It was sent, and no answer says what became of it.</exception>
    public Task<TResponse> WriteAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, TRequest request, RequestOptions? wishes, CancellationToken cancellationToken) =>
        RunAsync(method, request, isWrite: true, wishes, cancellationToken);

    /// <summary>Headers for a call or stream.</summary>
    public static Metadata? Headers(string? token, bool requireLeader)
    {
        if (token is null && !requireLeader)
            return null;
        var headers = new Metadata();
        if (token is not null)
            headers.Add("token", token);
        if (requireLeader)
            headers.Add("hasleader", "true");
        return headers;
    }

    private async Task<TResponse> RunAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, TRequest request, bool isWrite, RequestOptions? wishes,
        CancellationToken cancellationToken)
    {
        var time = options.TimeProvider;
        var timeout = wishes?.Timeout ?? options.CallTimeout;
        DateTime? deadline = timeout == Timeout.InfiniteTimeSpan ? null : time.GetUtcNow().UtcDateTime + timeout;
        int tokensRefused = 0;
        int unavailable = 0;
        Exception? refusal = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var use = await PickAsync(method.FullName, wishes?.Endpoint, deadline, cancellationToken).ConfigureAwait(false);
            string? token = await TokenAsync(method.FullName, deadline, cancellationToken).ConfigureAwait(false);
            // A write waits for its answer to the end: it alone tells what was done. A read may go elsewhere at once.
            var cut = isWrite || wishes?.Endpoint is not null ? CancellationToken.None : use.Endpoint.CutToken;
            using var either = cut.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, cut) : null;
            try
            {
                var headers = Headers(token, wishes?.RequireLeader ?? options.RequireLeader);
                using var call = use.Endpoint.Invoker.AsyncUnaryCall(
                    method, null, new CallOptions(headers, deadline, either?.Token ?? cancellationToken), request);
                var response = await call.ConfigureAwait(false);
                use.Answered();
                return response;
            }
            catch (RpcException exception)
            {
                if (exception.StatusCode == StatusCode.Cancelled && cancellationToken.IsCancellationRequested)
                    throw Cancelled(method.FullName, use, exception, isWrite, cancellationToken);
                var kind = cut.IsCancellationRequested && exception.StatusCode == StatusCode.Cancelled
                    ? FailureKind.Lost
                    : Failure.KindOf(exception.Status, credentials.Exist);
                NoteHealth(kind, exception, use);
                if (kind == FailureKind.TokenRefused)
                    credentials.Refused(token);
                bool isAgain = kind switch
                {
                    FailureKind.TokenRefused => ++tokensRefused <= 2,
                    FailureKind.NeverSent or FailureKind.WrongMember => true,
                    FailureKind.Lost or FailureKind.Unavailable => !isWrite,
                    _ => false,
                };
                // What a server said tells more than that the time is up, also when it was up in the midst of a later attempt.
                if (!isAgain && exception.StatusCode == StatusCode.DeadlineExceeded && refusal is not null)
                    throw refusal;
                if (!isAgain || (wishes?.Endpoint is not null && kind != FailureKind.TokenRefused))
                    throw Ended(method.FullName, use, exception, kind, isWrite);
                if (kind == FailureKind.Unavailable)
                {
                    refusal = Ended(method.FullName, use, exception, kind, isWrite);
                    await BackOff.PauseAsync(++unavailable, options, TimeLeft(deadline), cancellationToken).ConfigureAwait(false);
                }
                if (IsOver(deadline))
                    throw refusal ?? Ended(method.FullName, use, exception, kind, isWrite);
            }
        }
    }

    private async ValueTask<EndpointUse> PickAsync(
        string method, string? address, DateTime? deadline, CancellationToken cancellationToken)
    {
        if (address is not null)
            return endpoints.Get(address, owesAnswer: true);
        if (endpoints.TryPick(owesAnswer: true, out var ready))
            return ready;
        using var timer = new CancellationTokenSource(TimeLeft(deadline), options.TimeProvider);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        try
        {
            return await endpoints.PickAsync(owesAnswer: true, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw endpoints.NoneIsReady(StatusCode.Unavailable, method);
        }
    }

    private async ValueTask<string?> TokenAsync(string method, DateTime? deadline, CancellationToken cancellationToken)
    {
        var token = credentials.TokenAsync(cancellationToken);
        if (token.IsCompletedSuccessfully)
            return token.Result;
        try
        {
            return await token.AsTask().WaitAsync(TimeLeft(deadline), options.TimeProvider, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw endpoints.NoneIsReady(StatusCode.DeadlineExceeded, method);
        }
    }

    private void NoteHealth(FailureKind kind, RpcException exception, EndpointUse use)
    {
        // The caller's own limit says nothing about the endpoint: whether that is silent is found out by a probe.
        bool isOwnLimit = exception.StatusCode is StatusCode.DeadlineExceeded or StatusCode.Cancelled;
        if (kind is (FailureKind.NeverSent or FailureKind.Lost or FailureKind.WrongMember) && !isOwnLimit)
            use.Failed(exception);
        else if (exception.Status.DebugException is null && !isOwnLimit)
            use.Answered();
        if (kind == FailureKind.Unavailable)
            endpoints.Avoid(use.Endpoint);
    }

    private static Exception Ended(string method, EndpointUse use, RpcException exception, FailureKind kind, bool isWrite) =>
        isWrite && kind is (FailureKind.Lost or FailureKind.Unavailable or FailureKind.Doubtful)
            ? new UnknownOutcomeException(method, use.Endpoint.Address, exception)
            : Failure.ToException(exception, use.Endpoint.Address);

    /// <summary>The caller's own cancellation, and beside it what he should know about his write.</summary>
    private static OperationCanceledException Cancelled(
        string method, EndpointUse use, RpcException exception, bool isWrite, CancellationToken cancellationToken)
    {
        bool mayBeDone = isWrite && exception.Status.DebugException is not RequestNotSentException;
        return new OperationCanceledException(
            $"{method} was cancelled",
            mayBeDone ? new UnknownOutcomeException(method, use.Endpoint.Address, exception) : exception, cancellationToken);
    }

    private bool IsOver(DateTime? deadline) => deadline is { } end && options.TimeProvider.GetUtcNow().UtcDateTime >= end;

    private TimeSpan TimeLeft(DateTime? deadline)
    {
        if (deadline is not { } end)
            return Timeout.InfiniteTimeSpan;
        var left = end - options.TimeProvider.GetUtcNow().UtcDateTime;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
