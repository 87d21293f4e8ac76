using System.Threading.Channels;

namespace KvStore.Grpc;

/// <summary>A call inside the process: two bounded queues and an end. This is the client's side of it.</summary>
internal sealed class InMemoryCall<TRequest, TResponse>
    : IClientCall<TResponse>, IAsyncStreamReader<TResponse>, IClientStreamWriter<TRequest>
{
    // Who writes more than this ahead of the other side waits, as flow control makes him on a network.
    private const int QueueLimit = 16;

    private readonly Channel<TRequest> _requests = CreateQueue<TRequest>();
    private readonly Channel<TResponse> _responses = CreateQueue<TResponse>();
    private readonly TaskCompletionSource<Metadata> _headers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CallCancellation _cancellation;
    private (Status Status, Metadata? Trailers) _finish;
    private TResponse _current = default!;
    private int _isWriting;

    public InMemoryCall(Method<TRequest, TResponse> method, CallOptions options, TimeProvider timeProvider)
    {
        Method = method;
        Options = options;
        _cancellation = new CallCancellation(options, End, timeProvider);
    }

    public Method<TRequest, TResponse> Method { get; }

    public CallOptions Options { get; }

    public CallEnd End { get; } = new();

    public TimeSpan? Timeout => _cancellation.Timeout;

    /// <summary>Cancelled when the client gives up.</summary>
    public CancellationToken Token => _cancellation.Token;

    public ChannelReader<TRequest> Requests => _requests.Reader;

    public ChannelWriter<TResponse> Responses => _responses.Writer;

    public Task<Metadata> ResponseHeadersAsync => _headers.Task;

    public IAsyncStreamReader<TResponse> ResponseStream => this;

    public TResponse Current => _current;

    public WriteOptions? WriteOptions { get; set; }

    public void AddSingleRequest(TRequest request)
    {
        Invariant.Holds(_requests.Writer.TryWrite(request));
        _requests.Writer.Complete();
    }

    public bool TrySetHeaders(Metadata headers) => _headers.TrySetResult(headers);

    /// <summary>The server's end of the call: the client learns of it after the messages that are still queued.</summary>
    public void FinishAfterMessages(Status status, Metadata? trailers)
    {
        _finish = (status, trailers);
        if (status.StatusCode == StatusCode.OK)
            _headers.TrySetResult([]);
        else
            FailHeaders(new RpcException(status, trailers));
        _responses.Writer.TryComplete();
        _requests.Writer.TryComplete();
    }

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(
            static call => ((InMemoryCall<TRequest, TResponse>)call!).Dispose(), this);
        try
        {
            while (!End.IsSet && await _responses.Reader.WaitToReadAsync(Token).ConfigureAwait(false))
            {
                if (_responses.Reader.TryRead(out _current!))
                    return true;
            }

            EndWith(_finish.Status, _finish.Trailers);
        }
        catch (OperationCanceledException) when (End.IsSet)
        {
            // The client's own cancellation: its status is the call's end.
            _cancellation.Dispose();
            FailHeaders(End.ToException());
        }

        return End.Status.StatusCode == StatusCode.OK ? false : throw End.ToException();
    }

    public async Task WriteAsync(TRequest message)
    {
        if (Interlocked.Exchange(ref _isWriting, 1) != 0)
            throw new InvalidOperationException("a write to the call has not finished: only one at a time is allowed");
        try
        {
            await _requests.Writer.WriteAsync(message, Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ChannelClosedException or OperationCanceledException)
        {
            throw WriteAfterEnd();
        }
        finally
        {
            Volatile.Write(ref _isWriting, 0);
        }
    }

    public Task CompleteAsync()
    {
        _requests.Writer.TryComplete();
        return Task.CompletedTask;
    }

    public void Dispose() => _cancellation.Cancel(Status.DefaultCancelled);

    private static Channel<T> CreateQueue<T>() => Channel.CreateBounded<T>(
        new BoundedChannelOptions(QueueLimit) { SingleReader = true, SingleWriter = true });

    private void EndWith(Status status, Metadata? trailers)
    {
        End.TrySet(status, trailers);
        _cancellation.Dispose();
    }

    private void FailHeaders(RpcException exception)
    {
        if (_headers.TrySetException(exception))
            _ = _headers.Task.Exception; // Who does not ask for the headers learns of the failure elsewhere.
    }

    private Exception WriteAfterEnd()
    {
        var status = End.IsSet ? End.Status : _finish.Status;
        return status.StatusCode == StatusCode.OK
            ? new InvalidOperationException("the call's requests have been completed, or the server has ended it with OK")
            : new RpcException(status, _finish.Trailers);
    }
}
