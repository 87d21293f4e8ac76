using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using KvStore.Grpc;
using KvStore.Server.Configuration;
using KvStore.Server.Http;
using KvStore.Server.Telemetry;
using KvStore.Server.Tests.Tls;

namespace KvStore.Server.Tests.Http;

/// <summary>Over real sockets, on ports that the system picks.</summary>
public sealed class ClientListenersTests : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Meter _meter = new("test");
    private ClientListeners? _listeners;

    public async ValueTask DisposeAsync()
    {
        if (_listeners is not null)
            await _listeners.DisposeAsync();
        _meter.Dispose();
        _directory.Dispose();
    }

    private async Task<ClientListeners> StartAsync(params string[] flags)
    {
        ServerOptions options = ConfigurationReader.FromFlags(["--advertise-client-urls=http://127.0.0.1:0", .. flags]);
        var http = new HttpHandler(
            options, new FakeServer(), new HealthMetrics(_meter), _ => Task.FromResult("up 1\n"u8.ToArray()), TimeProvider.System);
        _listeners = new ClientListeners(options, new GrpcServer([]), http);
        await _listeners.StartAsync();
        return _listeners;
    }

    private static async Task<(HttpStatusCode Status, string Body)> GetAsync(
        EtcdUrl url, string path, Version? version = null, X509Certificate2? shown = null)
    {
        using var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
                LocalCertificateSelectionCallback = (_, _, _, _, _) => shown!,
            },
        };
        if (url.IsUnixSocket)
            handler.ConnectCallback = (_, cancellation) => ConnectAsync(url.SocketPath, cancellation);
        using var client = new HttpClient(handler)
        {
            DefaultRequestVersion = version ?? HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        string address = url.IsUnixSocket ? "http://localhost" : url.ToString();
        using HttpResponseMessage response = await client.GetAsync(address + path);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
        return new NetworkStream(socket, ownsSocket: true);
    }

    [Fact]
    public async Task One_port_answers_HTTP_1_and_HTTP_2()
    {
        ClientListeners listeners = await StartAsync("--listen-client-urls=http://127.0.0.1:0");
        EtcdUrl url = Assert.Single(listeners.ClientUrls);

        Assert.NotEqual(0, url.Port);
        Assert.Equal((HttpStatusCode.OK, """{"health":"true","reason":""}"""), await GetAsync(url, "/health"));
        Assert.Equal((HttpStatusCode.OK, "up 1\n"), await GetAsync(url, "/metrics", HttpVersion.Version20));
    }

    [Fact]
    public async Task HTTP_and_metrics_may_have_ports_of_their_own()
    {
        ClientListeners listeners = await StartAsync(
            "--listen-client-urls=http://127.0.0.1:0", "--listen-client-http-urls=http://127.0.0.1:0",
            "--listen-metrics-urls=http://127.0.0.1:0");

        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync(listeners.ClientUrls[0], "/version")).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(listeners.HttpUrls[0], "/version")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync(listeners.MetricsUrls[0], "/version")).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(listeners.MetricsUrls[0], "/metrics")).Status);
    }

    [Fact]
    public async Task A_socket_is_served_too()
    {
        ClientListeners listeners = await StartAsync($"--listen-client-urls=unix://{_directory.File("kv.sock")}");

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(listeners.ClientUrls[0], "/health")).Status);
    }

    [Fact]
    public async Task With_TLS_only_clients_of_the_named_authority_are_served()
    {
        var authority = new TestAuthority("ca");
        TestAuthority.Save(
            authority.Issue("localhost", TestAuthority.ServerPurpose), _directory.File("s.pem"), _directory.File("s.key"));
        File.WriteAllText(_directory.File("ca.pem"), authority.Certificate.ExportCertificatePem());
        ClientListeners listeners = await StartAsync(
            "--listen-client-urls=https://127.0.0.1:0", $"--cert-file={_directory.File("s.pem")}",
            $"--key-file={_directory.File("s.key")}", $"--trusted-ca-file={_directory.File("ca.pem")}");
        EtcdUrl url = listeners.ClientUrls[0];

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(url, "/health", shown: authority.Issue("c"))).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(url, "/health", HttpVersion.Version20, authority.Issue("c"))).Status);
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(url, "/health"));
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(url, "/health", shown: new TestAuthority("ca").Issue("c")));
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;

        var problem = await Assert.ThrowsAsync<IOException>(() => StartAsync($"--listen-client-urls=http://127.0.0.1:{port}"));

        Assert.Contains($"127.0.0.1:{port}", problem.Message);
    }
}
