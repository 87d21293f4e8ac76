using System.Globalization;
using System.Net;
using KvStore.Raft;
using KvStore.Server.Configuration;

namespace KvStore.Server.Peers.Outgoing;

/// <summary>Calls peers: an HTTP/1.1 request that the peer turns into a stream of bytes in both directions.</summary>
internal sealed class PeerDialer : IDisposable
{
    private const int MaxRefusalBytes = 4 << 10;

    private static readonly HttpRequestOptionsKey<EtcdUrl> UrlKey = new("peer-url");

    private readonly PeerTransportOptions _options;
    private readonly PeerConnector _connector;
    private readonly HttpMessageInvoker _http;

    public PeerDialer(PeerTransportOptions options)
    {
        _options = options;
        _connector = new PeerConnector(options.Tls, options.ConnectTimeout, options.Time);
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            // Each call has a connection of its own: it becomes the stream, or it was refused.
            PooledConnectionLifetime = TimeSpan.Zero,
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
        });
    }

    /// <param name="path">Where the peer serves <paramref name="protocol"/>.</param>
    /// <returns>Reads and writes go straight to the connection; disposing it closes that at once.</returns>
    /// <exception cref="PeerRefusedException">The peer answered, but did not consent.</exception>
    /// <exception cref="PeerUnreachableException">The peer was not reached, or TLS failed; the message says how.</exception>
    /// <exception cref="OperationCanceledException">By <paramref name="cancellation"/>.</exception>
    public async Task<Stream> DialAsync(NodeId peer, string url, string path, string protocol, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(_options.DialTimeout, _options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        var address = Parse(url);
        try
        {
            using var request = NewRequest(peer, address, path, protocol);
            var response = await _http.SendAsync(request, either.Token);
            if (response.StatusCode == HttpStatusCode.SwitchingProtocols)
                return await response.Content.ReadAsStreamAsync(either.Token);
            using (response)
                throw await RefusalOf(response, either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Unreachable($"no answer within {GoSyntax.FormatDuration(_options.DialTimeout)}");
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            throw InnerUnreachable(fault) ?? Explain(fault, address);
        }
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage NewRequest(NodeId peer, EtcdUrl url, string path, string protocol)
    {
        // TLS is made below HTTP, see Connect, so that each handshake gets the certificate that is valid then.
        string authority = url.IsUnixSocket ? "localhost" : url.Address;
        var request = new HttpRequestMessage(HttpMethod.Get, $"http://{authority}{path}")
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Options.Set(UrlKey, url);
        var headers = request.Headers;
        headers.Connection.Add("Upgrade");
        headers.TryAddWithoutValidation("Upgrade", $"{protocol}/{PeerProtocol.Version}");
        headers.TryAddWithoutValidation(PeerProtocol.ClusterId, new Cluster.ClusterId(_options.ClusterId).ToString());
        headers.TryAddWithoutValidation(PeerProtocol.From, _options.MemberId.ToString());
        headers.TryAddWithoutValidation(PeerProtocol.Directory, _options.DirectoryId.ToString("x", CultureInfo.InvariantCulture));
        headers.TryAddWithoutValidation(PeerProtocol.To, peer.ToString());
        headers.TryAddWithoutValidation(PeerProtocol.ServerVersion, ServerVersion.Own);
        headers.TryAddWithoutValidation(PeerProtocol.PeerUrls, string.Join(',', _options.PeerUrls));
        return request;
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation) =>
        context.InitialRequestMessage.Options.TryGetValue(UrlKey, out var url)
            ? await _connector.ConnectAsync(url, cancellation)
            : throw new InvalidOperationException("A peer's request carries its URL.");

    private static async Task<PeerRefusedException> RefusalOf(HttpResponseMessage response, CancellationToken cancellation)
    {
        int status = (int)response.StatusCode;
        if (!response.Headers.TryGetValues(PeerProtocol.RefusalCode, out var codes))
            return new PeerRefusedException($"http-{status}", $"what listens there is no kvstore member: it answers with HTTP status {status}");
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        byte[] text = new byte[MaxRefusalBytes];
        int length = await body.ReadAtLeastAsync(text, text.Length, throwOnEndOfStream: false, cancellation);
        return new PeerRefusedException(string.Join(',', codes), System.Text.Encoding.UTF8.GetString(text, 0, length).Trim());
    }

    private static EtcdUrl Parse(string url)
    {
        try
        {
            return EtcdUrl.Parse(url);
        }
        catch (FormatException problem)
        {
            throw Unreachable(problem.Message);
        }
    }

    private static PeerUnreachableException Unreachable(string message) => new(PeerUnreachableException.ConnectionKind, message);

    private static PeerUnreachableException Explain(Exception fault, EtcdUrl address) =>
        // With TLS 1.3 the caller's certificate is looked at when the caller believes the handshake to be over.
        address.IsSecure && fault is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError }
            ? new PeerUnreachableException(PeerUnreachableException.TlsKind,
                "TLS: the peer closed the connection after the handshake; most likely it does not accept this member's certificate, "
                + $"and its log says why ({PeerConnector.InnermostMessage(fault)})", fault)
            : new PeerUnreachableException(PeerUnreachableException.ConnectionKind, PeerConnector.InnermostMessage(fault), fault);

    private static PeerUnreachableException? InnerUnreachable(Exception fault)
    {
        for (var inner = (Exception?)fault; inner is not null; inner = inner.InnerException)
        {
            if (inner is PeerUnreachableException unreachable)
                return unreachable;
        }
        return null;
    }
}
