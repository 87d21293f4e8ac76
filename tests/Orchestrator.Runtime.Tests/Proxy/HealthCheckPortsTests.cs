using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using KvStore.Testing;
using Orchestrator.Api;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Proxy;

namespace Orchestrator.Runtime.Tests.Proxy;

public sealed class HealthCheckPortsTests : IAsyncLifetime
{
    private readonly HealthCheckPorts _ports = new(network: null, NullLogger.Instance);
    private readonly HttpClient _client = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _ports.DisposeAsync();
        _client.Dispose();
    }

    [Theory]
    [InlineData(2, HttpStatusCode.OK)]
    [InlineData(0, HttpStatusCode.ServiceUnavailable)]
    public async Task A_port_tells_how_many_endpoints_are_here(int count, HttpStatusCode status)
    {
        int port = FreePort.Find();
        await _ports.SetAsync([Health(port, 7)]);

        await _ports.SetAsync([Health(port, count)]);

        using var answer = await _client.GetAsync($"http://127.0.0.1:{port}/healthz");
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal($"{count}", answer.Headers.GetValues("X-Load-Balancing-Endpoint-Weight").Single());
        Assert.Equal(
            $$$"""{"service":{"namespace":"default","name":"web"},"localEndpoints":{{{count}}},"serviceProxyHealthy":true}""",
            await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_port_that_somebody_else_has_is_opened_once_it_is_free()
    {
        using var other = new Socket(SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        other.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        other.Listen();
        int port = ((IPEndPoint)other.LocalEndPoint!).Port;
        await _ports.SetAsync([Health(port, 1)]);

        other.Dispose();
        await _ports.SetAsync([Health(port, 1)]);

        Assert.Contains("\"localEndpoints\":1", await _client.GetStringAsync($"http://127.0.0.1:{port}/"));
    }

    [Fact]
    public async Task A_service_that_is_gone_leaves_no_port_open()
    {
        int port = FreePort.Find();
        await _ports.SetAsync([Health(port, 1)]);

        await _ports.SetAsync([]);

        await Assert.ThrowsAsync<HttpRequestException>(() => _client.GetStringAsync($"http://127.0.0.1:{port}/"));
    }

    private static ServiceHealth Health(int port, int count) => new(new NamespacedName("default", "web"), port, count);
}
