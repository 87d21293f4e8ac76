using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;

namespace KvStore.Grpc;

/// <summary>Calls the services at one address over HTTP/2. Connections are made when needed and kept; thread-safe.</summary>
public sealed class GrpcChannel : CallInvoker, IDisposable
{
    private static readonly MediaTypeHeaderValue GrpcContentType = new(HttpServerCall.ContentType);

    private readonly HttpMessageInvoker _http;

    private GrpcChannel(Uri address, GrpcChannelOptions options)
    {
        Address = address;
        Options = options;
        _http = new HttpMessageInvoker(CreateHandler(address, options));
        BaseUri = address.Scheme switch
        {
            "http" or "https" => new Uri(address.GetLeftPart(UriPartial.Authority)),
            "unix" => new Uri("http://localhost"),
            "unixs" => new Uri("https://localhost"),
            _ => throw new ArgumentException(
                $"the address {address} is none of http://host:port, https://host:port, unix:path, unixs:path", nameof(address)),
        };
    }

    public Uri Address { get; }

    internal GrpcChannelOptions Options { get; }

    private Uri BaseUri { get; }

    /// <param name="address"><c>http://host:port</c>, <c>https://host:port</c>, <c>unix:/path</c> or <c>unixs:/path</c>.</param>
    /// <param name="options">Null for the defaults.</param>
    public static GrpcChannel ForAddress(string address, GrpcChannelOptions? options = null) =>
        ForAddress(new Uri(address), options);

    public static GrpcChannel ForAddress(Uri address, GrpcChannelOptions? options = null) =>
        new(address, options ?? new GrpcChannelOptions());

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Start(method, host, options, new SingleRequestContent<TRequest>(method.RequestMarshaller, request));
        return new AsyncUnaryCall<TResponse>(call, call.ReadSingleAsync());
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        new(Start(method, host, options, new SingleRequestContent<TRequest>(method.RequestMarshaller, request)));

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var requests = new RequestStreamContent<TRequest>(method.RequestMarshaller);
        var call = Start(method, host, options, requests);
        return new AsyncClientStreamingCall<TRequest, TResponse>(call, requests, call.ReadSingleAsync());
    }

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var requests = new RequestStreamContent<TRequest>(method.RequestMarshaller);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(Start(method, host, options, requests), requests);
    }

    /// <summary>Closes the connections; calls that are open end with an error.</summary>
    public void Dispose() => _http.Dispose();

    internal Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        _http.SendAsync(request, cancellationToken);

    private HttpClientCall<TResponse> Start<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, RequestContent content)
    {
        var call = new HttpClientCall<TResponse>(this, method.ResponseMarshaller, content, Options.MaxSendMessageSize, options);
        content.Headers.ContentType = GrpcContentType;
        call.Start(CreateRequest(method.FullName, host, options, content, call));
        return call;
    }

    private HttpRequestMessage CreateRequest(
        string path, string? host, CallOptions options, RequestContent content, IHttpClientCall call)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(BaseUri, path))
        {
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        var headers = request.Headers;
        headers.Host = host;
        headers.TryAddWithoutValidation("te", "trailers");
        headers.TryAddWithoutValidation("user-agent", Options.UserAgent);
        headers.TryAddWithoutValidation("grpc-accept-encoding", MessageEncoding.Accepted);
        if (options.UseGzip)
            headers.TryAddWithoutValidation("grpc-encoding", MessageEncoding.Gzip);
        if (call.Timeout is { } timeout)
            headers.TryAddWithoutValidation("grpc-timeout", GrpcTimeout.Format(timeout));
        foreach (var entry in options.Headers ?? [])
            headers.TryAddWithoutValidation(entry.Key, MetadataHeaders.ToHeaderValue(entry));
        return request;
    }

    private static SocketsHttpHandler CreateHandler(Uri address, GrpcChannelOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            ConnectTimeout = options.ConnectTimeout,
            KeepAlivePingDelay = options.KeepAlivePingInterval,
            KeepAlivePingTimeout = options.KeepAlivePingTimeout,
            KeepAlivePingPolicy = options.KeepAlivePingWithoutCalls
                ? HttpKeepAlivePingPolicy.Always
                : HttpKeepAlivePingPolicy.WithActiveRequests,
            SslOptions = options.Tls ?? new SslClientAuthenticationOptions(),
        };
        if (address.Scheme is "unix" or "unixs")
        {
            var endpoint = new UnixDomainSocketEndPoint(address.LocalPath);
            handler.ConnectCallback = (_, cancellationToken) => ConnectAsync(endpoint, cancellationToken);
        }

        return handler;
    }

    private static async ValueTask<Stream> ConnectAsync(UnixDomainSocketEndPoint endpoint, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(endpoint, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
