using System.IO.Pipelines;

namespace KvStore.Grpc;

/// <summary>A call over HTTP/2: sends the request, reads the response, and finds out how it ended.</summary>
internal sealed class HttpClientCall<TResponse> : IClientCall<TResponse>, IHttpClientCall, IAsyncStreamReader<TResponse>
{
    private readonly GrpcChannel _channel;
    private readonly Marshaller<TResponse> _marshaller;
    private readonly CallCancellation _cancellation;
    private readonly RequestContent _content;
    private readonly TaskCompletionSource<Metadata> _headers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _started = Task.CompletedTask;
    private HttpResponseMessage? _response;
    private PipeReader? _input;
    private bool _isGzip;
    private TResponse _current = default!;
    private volatile bool _isReading;
    private volatile TaskCompletionSource? _awaitedRead;

    public HttpClientCall(
        GrpcChannel channel, Marshaller<TResponse> marshaller, RequestContent content, int maxSendSize, CallOptions options)
    {
        _channel = channel;
        _marshaller = marshaller;
        _content = content;
        _cancellation = new CallCancellation(options, End, channel.Options.TimeProvider);
        content.Attach(this, maxSendSize, options);
    }

    public CallEnd End { get; } = new();

    public CancellationToken Token => _cancellation.Token;

    public TimeSpan? Timeout => _cancellation.Timeout;

    public Uri Address => _channel.Address;

    public Task<Metadata> ResponseHeadersAsync => _headers.Task;

    public IAsyncStreamReader<TResponse> ResponseStream => this;

    public TResponse Current => _current;

    public void Start(HttpRequestMessage request) => _started = StartAsync(request);

    public void Fail(Exception exception) => EndWith(HttpFailure.StatusOf(exception, _channel.Address));

    public async Task LearnEndAsync()
    {
        await _started.ConfigureAwait(false);
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _awaitedRead = read;
        // Between the two notes there and here: one of the sides sees the other's.
        Interlocked.MemoryBarrier();
        if (_isReading)
            await Task.WhenAny(End.Task, read.Task).ConfigureAwait(false);
    }

    public void Dispose() => _cancellation.Cancel(Status.DefaultCancelled);

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(
            static call => ((HttpClientCall<TResponse>)call!).Dispose(), this);
        await _started.ConfigureAwait(false);
        if (End.IsSet)
            return ThrowUnlessOk();
        _isReading = true;
        try
        {
            if (await ReadMessageAsync().ConfigureAwait(false))
                return true;
            EndByTrailers();
        }
        catch (Exception exception) when (HttpFailure.IsOne(exception))
        {
            Fail(exception);
        }
        finally
        {
            _isReading = false;
            Interlocked.MemoryBarrier();
            _awaitedRead?.TrySetResult();
        }

        return ThrowUnlessOk();
    }

    // Does not throw: what goes wrong is the call's end.
    private async Task StartAsync(HttpRequestMessage request)
    {
        try
        {
            _response = await _channel.SendAsync(request, Token).ConfigureAwait(false);
            // From here on a cancellation must reset the stream itself, also while nobody reads.
            Token.UnsafeRegister(static response => ((HttpResponseMessage)response!).Dispose(), _response);
            if (HttpFailure.StatusOf(_response) is { } failure)
            {
                EndWith(failure);
                return;
            }

            if (GrpcStatusHeader.Find(_response.Headers) is { } status)
            {
                // Headers only: they are the trailers too.
                _headers.TrySetResult([]);
                EndWith(status, GrpcStatusHeader.ToMetadata(_response.Headers));
                return;
            }

            _isGzip = GrpcStatusHeader.IsGzip(_response.Headers);
            _input = PipeReader.Create(await _response.Content.ReadAsStreamAsync(Token).ConfigureAwait(false));
            _headers.TrySetResult(GrpcStatusHeader.ToMetadata(_response.Headers));
        }
        catch (Exception exception) when (HttpFailure.IsOne(exception))
        {
            Fail(exception);
        }
    }

    private async Task<bool> ReadMessageAsync()
    {
        while (true)
        {
            if (!_input!.TryRead(out var result))
                result = await _input.ReadAsync(Token).ConfigureAwait(false);
            var buffer = result.Buffer;
            var maxSize = _channel.Options.MaxReceiveMessageSize;
            if (MessageFrame.TryRead(ref buffer, _marshaller, maxSize, _isGzip, keepBytes: false, out _current, out _))
            {
                _input.AdvanceTo(buffer.Start);
                return true;
            }

            if (result.IsCompleted && !buffer.IsEmpty)
                throw MessageFrame.EndedEarly(buffer);
            _input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
                return false;
        }
    }

    private void EndByTrailers()
    {
        var trailers = _response!.TrailingHeaders;
        var status = GrpcStatusHeader.Find(trailers)
            ?? new Status(StatusCode.Internal, "grpc: the server ended the call without a status");
        EndWith(status, GrpcStatusHeader.ToMetadata(trailers));
    }

    private void EndWith(Status status, Metadata? trailers = null)
    {
        End.TrySet(status, trailers);
        _cancellation.Dispose();
        if (End.Status.StatusCode != StatusCode.OK)
            FailHeaders();
        // Resets the stream if the server has not ended it.
        _response?.Dispose();
    }

    private void FailHeaders()
    {
        if (_headers.TrySetException(End.ToException()))
            _ = _headers.Task.Exception; // Who does not ask for the headers learns of the failure elsewhere.
    }

    private bool ThrowUnlessOk() => End.Status.StatusCode == StatusCode.OK ? false : throw Failure();

    private RpcException Failure()
    {
        if (_content.MayHaveBeenSent || End.Status.DebugException is RequestNotSentException)
            return End.ToException();
        return new RpcException(
            End.Status with { DebugException = new RequestNotSentException(End.Status.DebugException) }, End.Trailers);
    }
}
