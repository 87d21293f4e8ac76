using System.Net;
using System.Security.Cryptography.X509Certificates;
using KvStore.Grpc.Tests.Protos;
using KvStore.Grpc.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace KvStore.Grpc.Tests;

public class TlsTests
{
    [Fact]
    public async Task One_port_serves_gRPC_and_pages_by_ALPN()
    {
        await using var host = await StartAsync(new GrpcTlsOptions { CertificateSelector = _ => TestCertificates.Server });
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = TestCertificates.TrustingClient() });

        Assert.Equal("hi", (await host.Channel.Say("hi").ResponseAsync.Soon()).Text);
        Assert.Equal($"HTTP/1.1 {host.EndPoint}", await http.GetStringAsync(host.Address).Soon());
    }

    [Fact]
    public async Task An_authority_that_is_a_URL_is_served()
    {
        await using var host = await StartAsync(new GrpcTlsOptions { CertificateSelector = _ => TestCertificates.Server });
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = TestCertificates.TrustingClient() });
        using var request = new HttpRequestMessage(HttpMethod.Get, host.Address)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.TryAddWithoutValidation("Host", host.Address);

        using var response = await http.SendAsync(request).Soon();

        Assert.Equal($"HTTP/2 {host.EndPoint}", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_renewed_certificate_is_used_from_the_next_handshake_on()
    {
        var current = TestCertificates.Server;
        await using var host = await StartAsync(new GrpcTlsOptions { CertificateSelector = _ => current });

        var before = await ServerCertificateAsync(host);
        current = TestCertificates.CreateServer();
        var after = await ServerCertificateAsync(host);

        Assert.Equal(TestCertificates.Server.TargetCertificate.Thumbprint, before);
        Assert.Equal(current.TargetCertificate.Thumbprint, after);
    }

    [Fact]
    public async Task A_required_client_certificate_is_checked_and_seen_by_the_handler()
    {
        await using var host = await StartAsync(new GrpcTlsOptions
        {
            CertificateSelector = _ => TestCertificates.Server,
            ClientCertificates = GrpcClientCertificates.Required,
            ClientCertificateValidator = (certificate, _, _) => TestCertificates.IsFromAuthority(certificate),
        });

        Assert.Equal("CN=root", (await Say(host, TestCertificates.Client).ResponseAsync.Soon()).Text);
        Assert.Equal(StatusCode.Unavailable, (await Say(host, TestCertificates.Stranger).ResponseAsync.Fails()).StatusCode);
        Assert.Equal(StatusCode.Unavailable, (await Say(host, null).ResponseAsync.Fails()).StatusCode);
        Assert.Equal("CN=root", (await Say(host, TestCertificates.Client).ResponseAsync.Soon()).Text);
    }

    [Fact]
    public async Task An_allowed_client_certificate_may_be_missing_but_not_wrong()
    {
        await using var host = await StartAsync(new GrpcTlsOptions
        {
            CertificateSelector = _ => TestCertificates.Server,
            ClientCertificates = GrpcClientCertificates.Allowed,
            ClientCertificateValidator = (certificate, _, _) => TestCertificates.IsFromAuthority(certificate),
        });

        Assert.Equal("nobody", (await Say(host, null).ResponseAsync.Soon()).Text);
        Assert.Equal(StatusCode.Unavailable, (await Say(host, TestCertificates.Stranger).ResponseAsync.Fails()).StatusCode);
    }

    [Fact]
    public async Task A_server_that_the_client_does_not_trust_is_Unavailable_with_the_cause()
    {
        await using var host = await StartAsync(new GrpcTlsOptions { CertificateSelector = _ => TestCertificates.Server });
        using var channel = GrpcChannel.ForAddress(host.Address);

        var exception = await channel.Say("").ResponseAsync.Fails();

        Assert.Equal(StatusCode.Unavailable, exception.StatusCode);
        Assert.Contains("certificate", exception.Status.Detail);
    }

    [Fact]
    public async Task A_client_that_speaks_no_TLS_is_turned_away_and_the_server_lives_on()
    {
        await using var host = await StartAsync(new GrpcTlsOptions { CertificateSelector = _ => TestCertificates.Server });
        using var channel = GrpcChannel.ForAddress($"http://{host.EndPoint}");

        Assert.Equal(StatusCode.Unavailable, (await channel.Say("").ResponseAsync.Fails()).StatusCode);
        Assert.Equal("hi", (await host.Channel.Say("hi").ResponseAsync.Soon()).Text);
    }

    private static Task<EchoHost> StartAsync(GrpcTlsOptions tls) => EchoHost.StartAsync(
        Echo.Saying((request, context) => ValueTask.FromResult(new EchoResponse
        {
            Text = request.Text.Length > 0 ? request.Text : context.ClientCertificate?.Subject ?? "nobody",
        })),
        null,
        new GrpcChannelOptions { Tls = TestCertificates.TrustingClient() },
        new GrpcHostOptions
        {
            Endpoints = [GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0, tls)],
            HttpFallback = context => context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Host}"),
        });

    private static AsyncUnaryCall<EchoResponse> Say(EchoHost host, X509Certificate2? own) =>
        GrpcChannel.ForAddress(host.Address, new GrpcChannelOptions { Tls = TestCertificates.TrustingClient(own) }).Say("");

    private static async Task<string> ServerCertificateAsync(EchoHost host)
    {
        var seen = "";
        var tls = TestCertificates.TrustingClient();
        tls.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
        {
            seen = certificate!.GetCertHashString();
            return true;
        };
        using var channel = GrpcChannel.ForAddress(host.Address, new GrpcChannelOptions { Tls = tls });
        await channel.Say("hi").ResponseAsync.Soon();
        return seen;
    }
}
