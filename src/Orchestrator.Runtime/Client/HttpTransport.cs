using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Runtime.Client;

/// <summary>Requests over HTTP: HTTP/2 where TLS offers it, so that watches and requests share few connections.</summary>
public sealed class HttpTransport : IApiTransport, IDisposable
{
    private readonly HttpTransportOptions _options;
    private readonly HttpClient _http;

    public HttpTransport(HttpTransportOptions options)
        : this(options, CreateHandler(options))
    {
    }

    /// <summary>For a server in the same process: the handler is the caller's choice and is disposed of with the transport.</summary>
    public HttpTransport(HttpTransportOptions options, HttpMessageHandler handler)
    {
        _options = options;
        bool isEncrypted = options.Server.Scheme == Uri.UriSchemeHttps;
        _http = new HttpClient(handler)
        {
            BaseAddress = options.Server,
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = isEncrypted ? HttpVersion.Version20 : HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd(options.UserAgent);
    }

    public async Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(request.Timeout ?? _options.RequestTimeout, _options.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            using var message = ToMessage(request);
            using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, both.Token);
            byte[] body = await response.Content.ReadAsByteArrayAsync(both.Token);
            return new ApiResponse((int)response.StatusCode, body, RetryAfter(response));
        }
        catch (Exception fault) when (IsFault(fault))
        {
            cancellation.ThrowIfCancellationRequested();
            throw ToTransportException(request, fault);
        }
    }

    public async Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(_options.RequestTimeout, _options.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        HttpResponseMessage? response = null;
        try
        {
            using var message = ToMessage(request);
            response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, both.Token);
            var body = await response.Content.ReadAsStreamAsync(both.Token);
            return new HttpLineStream(response, body, RetryAfter(response));
        }
        catch (Exception fault) when (IsFault(fault))
        {
            response?.Dispose();
            cancellation.ThrowIfCancellationRequested();
            throw ToTransportException(request, fault);
        }
    }

    public void Dispose() => _http.Dispose();

    internal static bool IsFault(Exception exception) =>
        exception is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException;

    private static SocketsHttpHandler CreateHandler(HttpTransportOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = options.PingDelay,
            KeepAlivePingTimeout = options.PingTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(90),
            ConnectTimeout = TimeSpan.FromSeconds(30),
            AutomaticDecompression = DecompressionMethods.GZip,
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            // A trace header on each request costs and tells nobody anything.
            ActivityHeadersPropagator = null,
        };
        if (options.ClientCertificate is { } certificate)
        {
            handler.SslOptions.ClientCertificates = [certificate];
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        }
        if (options.CertificateAuthorities is { } authorities)
            handler.SslOptions.CertificateChainPolicy = TrustOnly(authorities);
        return handler;
    }

    private static X509ChainPolicy TrustOnly(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            VerificationTimeIgnored = true,
        };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    private HttpRequestMessage ToMessage(ApiRequest request)
    {
        var message = new HttpRequestMessage(request.Method, new Uri(request.PathAndQuery, UriKind.Relative));
        message.Version = _http.DefaultRequestVersion;
        message.VersionPolicy = _http.DefaultVersionPolicy;
        message.Headers.TryAddWithoutValidation("Accept", request.Accept);
        if (_options.BearerToken?.Invoke() is { Length: > 0 } token)
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (request.ActingFor is { } user)
        {
            message.Headers.TryAddWithoutValidation("Impersonate-User", user.Name);
            message.Headers.TryAddWithoutValidation("Impersonate-Group", user.Group);
        }
        if (request.Body is { } body)
        {
            message.Content = new ReadOnlyMemoryContent(body);
            message.Content.Headers.TryAddWithoutValidation("Content-Type", request.ContentType);
        }
        return message;
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delay } => delay,
        { Date: { } date } => date > _options.Time.GetUtcNow() ? date - _options.Time.GetUtcNow() : TimeSpan.Zero,
        _ => null,
    };

    private static TransportException ToTransportException(ApiRequest request, Exception fault) =>
        new($"{request.Method} {request.PathAndQuery}: {Describe(fault)}", fault);

    private static string Describe(Exception fault) =>
        fault is OperationCanceledException ? "no answer in time" : fault.InnerException?.Message ?? fault.Message;
}
