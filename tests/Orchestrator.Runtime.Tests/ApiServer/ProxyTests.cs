using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>Where the proxy subresources lead.</summary>
public sealed class ProxyTests(ServerFixture fixture) : IClassFixture<ServerFixture>, IAsyncLifetime
{
    private ApiServerHost _server = null!;
    private HttpClient _http = null!;
    private string _pods = "";

    public async Task InitializeAsync()
    {
        _server = await fixture.StartServerAsync(options => options.NodeProxy = new EchoingProxy());
        _http = ServerFixture.ClientOf(_server);
        _pods = $"/api/v1/namespaces/{await fixture.NewNamespaceAsync()}/pods";
        await fixture.SendAsync(HttpMethod.Post, _pods, """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx"}]}}""");
    }

    public async Task DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("p:8080/proxy", "http://10.1.2.3:8080/")]
    [InlineData("https:p:8443/proxy/a/b?c=d", "https://10.1.2.3:8443/a/b?c=d")]
    [InlineData("p/proxy/what%3Fnot/a%23b?c=%3F", "http://10.1.2.3/what%3Fnot/a%23b?c=%3F")]
    public async Task The_path_behind_a_pod_is_passed_on_as_it_is(string asked, string target)
    {
        await PlaceAsync("10.1.2.3");

        Assert.Equal(target, await _http.GetStringAsync($"{_pods}/{asked}"));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("0.0.0.0")]
    public async Task A_pod_does_not_lead_to_what_only_the_servers_machine_reaches(string address)
    {
        await PlaceAsync(address);

        var (code, status) = await ServerFixture.SendAsync(_http, HttpMethod.Get, $"{_pods}/p:2379/proxy/");

        Assert.Equal((400, "address not allowed"), (code, (string?)status["message"]));
    }

    private async Task PlaceAsync(string address)
    {
        var (code, body) = await fixture.SendAsync(
            HttpMethod.Patch, $"{_pods}/p/status", $$$"""{"status":{"podIP":"{{{address}}}","podIPs":[{"ip":"{{{address}}}"}]}}""",
            "application/merge-patch+json");
        Assert.True(code == 200, body.ToJsonString());
    }

    /// <summary>Answers with the address that it was to go to.</summary>
    private sealed class EchoingProxy : INodeProxy
    {
        public Task ForwardAsync(HttpContext context, Node node, string pathAndQuery, CancellationToken cancellationToken) =>
            context.Response.WriteAsync(pathAndQuery, cancellationToken);

        public Task<HttpResponseMessage> SendAsync(Node node, HttpMethod method, string pathAndQuery, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task ForwardToPodAsync(
            HttpContext context, Node node, NamespacedName pod, Uri target, CancellationToken cancellationToken) =>
            context.Response.WriteAsync(target.AbsoluteUri, cancellationToken);

        public Task ForwardToAddressAsync(HttpContext context, Node? node, Uri target, CancellationToken cancellationToken) =>
            context.Response.WriteAsync(target.AbsoluteUri, cancellationToken);
    }
}
