using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;

namespace KvStore.Grpc;

/// <summary>A call that came over HTTP/2, on Kestrel's features as they are: no HttpContext is made.</summary>
internal sealed class HttpServerCall(
    GrpcServer server, ServerMethod method, IFeatureCollection features, IHttpRequestFeature request)
    : ServerCall(server, method)
{
    public const string ContentType = "application/grpc";

    // The response's sync parts: a stream's headers may be sent by another thread than its handler's.
    private readonly Lock _responseLock = new();
    private readonly IHttpResponseFeature _response = features.Get<IHttpResponseFeature>()!;
    private readonly IHttpResponseBodyFeature _responseBody = features.Get<IHttpResponseBodyFeature>()!;
    private Metadata? _requestHeaders;
    private byte[]? _requestBytes;
    private bool _isRequestGzip;
    private bool _hasStarted;
    private bool _hasEnded;

    public override string Host => request.Headers.Host.ToString();

    public override string Peer
    {
        get
        {
            if (features.Get<IHttpConnectionFeature>() is not { RemoteIpAddress: { } address } connection)
                return "unix:";
            return address.AddressFamily == AddressFamily.InterNetworkV6 && !address.IsIPv4MappedToIPv6
                ? $"ipv6:[{address}]:{connection.RemotePort}"
                : $"ipv4:{(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)}:{connection.RemotePort}";
        }
    }

    public override Metadata RequestHeaders
    {
        get
        {
            ThrowIfEnded();
            return _requestHeaders ??= MetadataHeaders.From(request.Headers);
        }
    }

    public override X509Certificate2? ClientCertificate => features.Get<ITlsConnectionFeature>()?.ClientCertificate;

    public override ReadOnlyMemory<byte> RequestBytes => _requestBytes
        ?? throw new InvalidOperationException($"bind {Method} with keepRequestBytes to have the request's bytes");

    public PipeReader Input { get; } = features.Get<IRequestBodyPipeFeature>()!.Reader;

    protected override CancellationToken TransportCancellation => features.Get<IHttpRequestLifetimeFeature>()!.RequestAborted;

    private PipeWriter Output => _responseBody.Writer;

    public override string? GetRequestHeader(string key)
    {
        ThrowIfEnded();
        var values = request.Headers[key];
        return values.Count == 0 ? null : values.ToString();
    }

    public override Task WriteResponseHeadersAsync(Metadata responseHeaders)
    {
        lock (_responseLock)
        {
            ThrowIfEnded();
            if (_hasStarted)
                throw new InvalidOperationException($"the headers of {Method} have been sent already");
            MetadataHeaders.AppendTo(_response.Headers, responseHeaders);
            return StartAsync();
        }
    }

    internal override Task EnsureHeadersSentAsync()
    {
        lock (_responseLock)
            return _hasStarted || _hasEnded ? Task.CompletedTask : StartAsync();
    }

    public override async ValueTask<T> ReadSingleAsync<T>(Marshaller<T> marshaller, bool keepBytes)
    {
        var message = default(T)!;
        var hasMessage = false;
        while (true)
        {
            if (!TryRead(out var result))
                result = await ReadAsync().ConfigureAwait(false);
            var buffer = result.Buffer;
            if (!hasMessage && TryTakeMessage(ref buffer, marshaller, keepBytes, out message))
                hasMessage = true;
            if (hasMessage && !buffer.IsEmpty)
                throw new RpcException(
                    StatusCode.Internal, $"grpc: {Method} takes one request message, but more came");
            if (result.IsCompleted && !hasMessage)
                throw MessageFrame.EndedEarly(buffer);
            AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
                return message;
        }
    }

    public override IServerRequestStream<T> Requests<T>(Marshaller<T> marshaller) => new HttpRequestStream<T>(this, marshaller);

    public override IServerStreamWriter<T> Responses<T>(Marshaller<T> marshaller) => new HttpResponseStream<T>(this, marshaller);

    /// <inheritdoc cref="ReadAsync"/>
    public bool TryRead(out ReadResult result)
    {
        try
        {
            return Input.TryRead(out result);
        }
        catch (IOException exception)
        {
            throw CancelledBy(exception);
        }
    }

    /// <inheritdoc cref="ReadAsync"/>
    public void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        try
        {
            Input.AdvanceTo(consumed, examined);
        }
        catch (IOException exception)
        {
            throw CancelledBy(exception);
        }
    }

    /// <exception cref="OperationCanceledException">The call was cancelled, or its connection is lost.</exception>
    public async ValueTask<ReadResult> ReadAsync()
    {
        try
        {
            return await Input.ReadAsync(CancellationToken).ConfigureAwait(false);
        }
        catch (IOException exception)
        {
            throw CancelledBy(exception);
        }
    }

    public bool TryTakeMessage<T>(ref ReadOnlySequence<byte> buffer, Marshaller<T> marshaller, bool keepBytes, out T message)
    {
        if (!MessageFrame.TryRead(
                ref buffer, marshaller, Options.MaxReceiveMessageSize, _isRequestGzip, keepBytes, out message, out var bytes))
            return false;
        _requestBytes = bytes.Kept;
        Received(bytes.Size);
        return true;
    }

    public override void CompleteUnary<T>(Marshaller<T> marshaller, T response)
    {
        if (Status.StatusCode == StatusCode.OK)
            Write(marshaller, response, WriteOptions);
        Complete(Status, ResponseTrailersOrNull);
    }

    public override void CompleteStream()
    {
        lock (_responseLock)
            Complete(StatusOfReturn(), ResponseTrailersOrNull);
    }

    public override void Fail(Exception exception)
    {
        var status = StatusOf(exception);
        lock (_responseLock)
            Complete(status, TrailersOf(exception));
    }

    /// <returns>The flush to wait for before the next message; null for a message that waits for the next one.</returns>
    public ValueTask<FlushResult>? WriteToStream<T>(Marshaller<T> marshaller, T message, WriteOptions? options, bool isBuffered)
    {
        CancellationToken.ThrowIfCancellationRequested();
        lock (_responseLock)
        {
            ThrowIfEnded();
            Write(marshaller, message, options);
            return isBuffered ? null : Output.FlushAsync(CancellationToken);
        }
    }

    // Kestrel's own token may lag behind its exception: the call's is cancelled here.
    private OperationCanceledException CancelledBy(IOException exception)
    {
        CancelByTransport();
        return new OperationCanceledException("the client has ended the call", exception, CancellationToken);
    }

    protected override TimeSpan? RequestTimeout()
    {
        var encoding = request.Headers.GrpcEncoding;
        if (encoding.Count != 0)
            ReadRequestEncoding(encoding.ToString());
        var timeout = request.Headers.GrpcTimeout;
        return timeout.Count == 0 ? null : GrpcTimeout.Parse(timeout.ToString());
    }

    private void ReadRequestEncoding(string encoding)
    {
        _isRequestGzip = encoding == MessageEncoding.Gzip;
        if (_isRequestGzip || encoding == MessageEncoding.Identity)
            return;
        _response.Headers.GrpcAcceptEncoding = MessageEncoding.Accepted;
        throw new RpcException(
            StatusCode.Unimplemented, $"grpc: Decompressor is not installed for grpc-encoding \"{encoding}\"");
    }

    private void Write<T>(Marshaller<T> marshaller, T message, WriteOptions? options)
    {
        // As grpc-go: who compresses its requests gets compressed responses.
        var isCompressed = _isRequestGzip && (options?.Flags & WriteFlags.NoCompress) is null or WriteFlags.None;
        if (!_hasStarted)
            PrepareHeaders();
        Sent(MessageFrame.Write(
            Output, marshaller, message, Options.MaxSendMessageSize,
            isCompressed ? Options.CompressionThresholdBytes : int.MaxValue));
        _hasStarted = true;
    }

    private Task StartAsync()
    {
        PrepareHeaders();
        _hasStarted = true;
        // StartAsync alone would keep the headers in a buffer until the first message.
        return Output.FlushAsync(CancellationToken.None).AsTask();
    }

    private void PrepareHeaders()
    {
        _response.Headers.ContentType = ContentType;
        if (_isRequestGzip)
            _response.Headers.GrpcEncoding = MessageEncoding.Gzip;
    }

    // Before any message the status goes into the headers, and there is no body; after, into the trailers.
    private void Complete(Status status, Metadata? trailers)
    {
        _hasEnded = true;
        EndsWith(status);
        if (!_hasStarted)
            _response.Headers.ContentType = ContentType;
        var headers = _hasStarted ? features.Get<IHttpResponseTrailersFeature>()!.Trailers : _response.Headers;
        if (trailers is not null)
            MetadataHeaders.AppendTo(headers, trailers);
        if (status.StatusCode == StatusCode.OK)
        {
            headers.GrpcStatus = "0";
            return;
        }

        headers.GrpcStatus = ((int)status.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
        headers.GrpcMessage = StatusText.Encode(status.Detail);
    }

    // Kestrel's features serve another call after this one: a handler that outlives its call must not touch them.
    private void ThrowIfEnded()
    {
        if (_hasEnded)
            throw new InvalidOperationException($"the call of {Method} has ended");
    }
}
