using System.Net;
using System.Text.Json;
using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Server.Configuration;
using KvStore.Server.Peers.Outgoing;
using KvStore.Server.Tls;

namespace KvStore.Server.Peers.Calls;

/// <summary>Single requests to other members' peer ports: what only the leader can answer, and who the members are.</summary>
/// <remarks>
/// <code>
/// GET  /members                  the members, as JSON; header X-Etcd-Cluster-ID
/// POST /leases                   LeaseKeepAliveRequest  -> LeaseKeepAliveResponse
/// POST /leases/internal          LeaseTimeToLiveRequest -> LeaseTimeToLiveResponse
/// POST /members/promote          MemberPromoteRequest   -> MemberPromoteResponse
/// </code>
/// A refusal is a status other than 200 with etcd's text as the body; the other side of this is <see cref="PeerCallHandler"/>.
/// </remarks>
public sealed class PeerCalls : ILeaderCalls, IDisposable
{
    private static readonly HttpRequestOptionsKey<EtcdUrl> UrlKey = new("peer-url");

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(1);

    private readonly PeerConnector _connector;
    private readonly HttpClient _http;

    /// <param name="tls">Null where no peer has a URL with https.</param>
    public PeerCalls(PeerTls? tls, TimeProvider time)
    {
        _connector = new PeerConnector(tls, ConnectTimeout, time);
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancellation) =>
                await _connector.ConnectAsync(context.InitialRequestMessage.Options.TryGetValue(UrlKey, out var url)
                    ? url
                    : throw new InvalidOperationException("A peer's request carries its URL."), cancellation),
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            ActivityHeadersPropagator = null,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public Task<LeaseKeepAliveResponse> RenewAsync(IEnumerable<string> urls, long lease, CancellationToken cancellation) =>
        CallAsync(urls, "/leases", new LeaseKeepAliveRequest { ID = lease }, LeaseKeepAliveResponse.Parser, cancellation);

    public Task<LeaseTimeToLiveResponse> TimeToLiveAsync(
        IEnumerable<string> urls, LeaseTimeToLiveRequest request, CancellationToken cancellation) =>
        CallAsync(urls, "/leases/internal", request, LeaseTimeToLiveResponse.Parser, cancellation);

    public Task<MemberPromoteResponse> PromoteAsync(IEnumerable<string> urls, ulong member, CancellationToken cancellation) =>
        CallAsync(urls, "/members/promote", new MemberPromoteRequest { ID = member }, MemberPromoteResponse.Parser, cancellation);

    /// <summary>Asks one after the other for the members of its cluster, until one answers.</summary>
    /// <returns>Null when none did.</returns>
    public async Task<RemoteCluster?> FindClusterAsync(IEnumerable<string> urls, TimeSpan timeoutEach, CancellationToken cancellation)
    {
        foreach (string url in urls)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(timeoutEach);
            try
            {
                return await ReadClusterAsync(url, patience.Token);
            }
            catch (Exception fault) when (fault is IOException or HttpRequestException or JsonException or FormatException
                or OperationCanceledException && !cancellation.IsCancellationRequested)
            {
                Logging.Log.Warn("failed to get cluster response", ("address", url + "/members"), ("error", PeerConnector.InnermostMessage(fault)));
            }
        }
        return null;
    }

    public void Dispose() => _http.Dispose();

    private async Task<RemoteCluster> ReadClusterAsync(string url, CancellationToken cancellation)
    {
        using var response = await _http.SendAsync(Request(HttpMethod.Get, url, "/members"), cancellation);
        response.EnsureSuccessStatusCode();
        if (!response.Headers.TryGetValues(PeerProtocol.ClusterId, out var ids))
            throw new IOException("the answer names no cluster: what listens there is no member");
        ulong id = ulong.Parse(ids.First(), System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
        return new RemoteCluster(id, MembersJson.Read(await response.Content.ReadAsByteArrayAsync(cancellation)));
    }

    private async Task<T> CallAsync<T>(
        IEnumerable<string> urls, string path, IMessage request, MessageParser<T> parser, CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        var fault = new IOException("the leader's address is not known");
        foreach (string url in urls)
        {
            try
            {
                using var message = Request(HttpMethod.Post, url, path);
                message.Content = new ByteArrayContent(request.ToByteArray());
                using var response = await _http.SendAsync(message, cancellation);
                byte[] body = await response.Content.ReadAsByteArrayAsync(cancellation);
                if (response.StatusCode == HttpStatusCode.OK)
                    return parser.ParseFrom(body);
                throw RefusalOf(body);
            }
            catch (Exception broken) when (broken is HttpRequestException or IOException or InvalidProtocolBufferException)
            {
                fault = new IOException(PeerConnector.InnermostMessage(broken), broken);
            }
        }
        throw fault;
    }

    private static Exception RefusalOf(byte[] body)
    {
        string text = System.Text.Encoding.UTF8.GetString(body).Trim();
        return EtcdError.Find(text) is { } error ? new EtcdException(error) : new IOException(text);
    }

    private static HttpRequestMessage Request(HttpMethod method, string url, string path)
    {
        var parsed = EtcdUrl.Parse(url);
        string authority = parsed.IsUnixSocket ? "localhost" : parsed.Address;
        var request = new HttpRequestMessage(method, $"http://{authority}{path}") { Version = HttpVersion.Version11 };
        request.Options.Set(UrlKey, parsed);
        return request;
    }
}

/// <summary>A cluster as one of its members tells of it.</summary>
public sealed record RemoteCluster(ulong ClusterId, IReadOnlyList<Member> Members);
