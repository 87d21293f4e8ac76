using System.Security.Cryptography.X509Certificates;

namespace KvStore.Grpc;

/// <summary>The server's side of an <see cref="InMemoryCall{TRequest, TResponse}"/>.</summary>
internal sealed class InMemoryServerCall<TRequest, TResponse>(
    GrpcServer server, ServerMethod method, InMemoryCall<TRequest, TResponse> call, string host)
    : ServerCall(server, method)
{
    private byte[]? _requestBytes;

    public override string Host => host;

    public override string Peer => "inmemory";

    public override Metadata RequestHeaders => call.Options.Headers ?? [];

    public override X509Certificate2? ClientCertificate => null;

    public override ReadOnlyMemory<byte> RequestBytes => _requestBytes
        ?? throw new InvalidOperationException($"bind {Method} with keepRequestBytes to have the request's bytes");

    protected override CancellationToken TransportCancellation => call.Token;

    public override string? GetRequestHeader(string key) => call.Options.Headers?.GetValue(key);

    public override Task WriteResponseHeadersAsync(Metadata responseHeaders) => call.TrySetHeaders(responseHeaders)
        ? Task.CompletedTask
        : throw new InvalidOperationException($"the headers of {Method} have been sent already");

    internal override Task EnsureHeadersSentAsync()
    {
        call.TrySetHeaders([]);
        return Task.CompletedTask;
    }

    public override async ValueTask<T> ReadSingleAsync<T>(Marshaller<T> marshaller, bool keepBytes)
    {
        if (!await call.Requests.WaitToReadAsync(CancellationToken).ConfigureAwait(false)
            || !call.Requests.TryRead(out var request))
            throw MessageFrame.EndedEarly(default);
        if (keepBytes)
            _requestBytes = ToBytes(call.Method.RequestMarshaller, request);
        return Take(request, marshaller);
    }

    public override IServerRequestStream<T> Requests<T>(Marshaller<T> marshaller) => new RequestStream<T>(this, marshaller);

    public override IServerStreamWriter<T> Responses<T>(Marshaller<T> marshaller) => new ResponseStream<T>(this, marshaller);

    public override void CompleteUnary<T>(Marshaller<T> marshaller, T response)
    {
        if (Status.StatusCode == StatusCode.OK)
            Invariant.Holds(call.Responses.TryWrite(Give(response, marshaller)));
        Finish(Status, ResponseTrailersOrNull);
    }

    public override void CompleteStream() => Finish(StatusOfReturn(), ResponseTrailersOrNull);

    public override void Fail(Exception exception) => Finish(StatusOf(exception), TrailersOf(exception));

    protected override TimeSpan? RequestTimeout() => call.Timeout;

    private void Finish(Status status, Metadata? trailers)
    {
        EndsWith(status);
        call.FinishAfterMessages(status, trailers);
    }

    private T Take<T>(TRequest request, Marshaller<T> marshaller)
    {
        if (IsObserved)
            Received(call.Method.RequestMarshaller.CalculateSize(request));
        return request is T same ? same : marshaller.Read(ToBytes(call.Method.RequestMarshaller, request));
    }

    private TResponse Give<T>(T response, Marshaller<T> marshaller)
    {
        if (IsObserved)
            Sent(marshaller.CalculateSize(response));
        return response is TResponse same ? same : call.Method.ResponseMarshaller.Read(ToBytes(marshaller, response));
    }

    private static byte[] ToBytes<T>(Marshaller<T> marshaller, T message)
    {
        var bytes = new byte[marshaller.CalculateSize(message)];
        marshaller.Write(message, bytes);
        return bytes;
    }

    private sealed class RequestStream<T>(InMemoryServerCall<TRequest, TResponse> server, Marshaller<T> marshaller)
        : IServerRequestStream<T>
    {
        public T Current { get; private set; } = default!;

        public ValueTask<T> ReadSingleAsync() => server.ReadSingleAsync(marshaller, keepBytes: false);

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, server.CancellationToken);
            while (await server.Incoming.WaitToReadAsync(either.Token).ConfigureAwait(false))
            {
                if (!server.Incoming.TryRead(out var request))
                    continue;
                Current = server.Take(request, marshaller);
                return true;
            }

            return false;
        }
    }

    private sealed class ResponseStream<T>(InMemoryServerCall<TRequest, TResponse> server, Marshaller<T> marshaller)
        : IServerStreamWriter<T>
    {
        private int _isWriting;

        public WriteOptions? WriteOptions { get; set; }

        public async Task WriteAsync(T message)
        {
            if (Interlocked.Exchange(ref _isWriting, 1) != 0)
                throw new InvalidOperationException(
                    $"a write to {server.Method} has not finished: only one at a time is allowed");
            try
            {
                await server.EnsureHeadersSentAsync().ConfigureAwait(false);
                var given = server.Give(message, marshaller);
                await server.Outgoing.WriteAsync(given, server.CancellationToken).ConfigureAwait(false);
            }
            catch (System.Threading.Channels.ChannelClosedException exception)
            {
                throw new InvalidOperationException($"the call of {server.Method} has ended", exception);
            }
            finally
            {
                Volatile.Write(ref _isWriting, 0);
            }
        }
    }

    private System.Threading.Channels.ChannelReader<TRequest> Incoming => call.Requests;

    private System.Threading.Channels.ChannelWriter<TResponse> Outgoing => call.Responses;
}
