using System.IO.Compression;
using System.Text;
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

    [Theory]
    [InlineData("", "/metrics")]
    [InlineData(":10250", "/metrics")]
    [InlineData(":9100", "http://10.1.2.3:9100/metrics")]
    public async Task A_nodes_proxy_leads_to_the_port_that_is_named(string port, string target)
    {
        string node = "n" + Guid.NewGuid().ToString("N")[..6];
        await fixture.SendAsync(HttpMethod.Post, "/api/v1/nodes", $$"""{"metadata":{"name":"{{node}}"} }""");
        await fixture.SendAsync(
            HttpMethod.Patch, $"/api/v1/nodes/{node}/status", """{"status":{"addresses":[{"type":"InternalIP","address":"10.1.2.3"}]}}""",
            "application/merge-patch+json");

        Assert.Equal(target, await _http.GetStringAsync($"/api/v1/nodes/{node}{port}/proxy/metrics"));
    }

    [Fact]
    public async Task A_page_is_at_a_path_with_a_slash_and_sends_on_to_where_it_can_be_reached()
    {
        await PlaceAsync("10.1.2.3");
        string page = $"{_pods}/p:8080/proxy";

        Assert.Equal(page + "/?a=b", await LocationAsync("?a=b"));
        Assert.Equal(page + "/login?next=x", await LocationAsync("/here?to=/login%3Fnext%3Dx"));
        Assert.Equal(page + "/in/there", await LocationAsync("/in/here?to=there"));
        Assert.Equal(page + "/login", await LocationAsync("/here?to=http://10.1.2.3:8080/login"));
        Assert.Equal("https://elsewhere.example/", await LocationAsync("/here?to=https://elsewhere.example/"));

        async Task<string> LocationAsync(string rest)
        {
#pragma warning disable CA5399 // The certificate is made by this test.
            using var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
            handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
            using var http = new HttpClient(handler) { BaseAddress = _server.Address };
#pragma warning restore CA5399
            using var response = await http.GetAsync(new Uri(page + rest, UriKind.Relative));
            return response.Headers.GetValues("Location").Single();
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task Links_and_cookies_of_a_page_lead_to_where_the_page_is(string encoding)
    {
        await PlaceAsync("10.1.2.3");
        string site = $"{_pods}/p:8080/proxy";
#pragma warning disable CA5399 // The certificate is made by this test.
        using var handler = new SocketsHttpHandler { UseCookies = false, AutomaticDecompression = System.Net.DecompressionMethods.All };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        using var http = new HttpClient(handler) { BaseAddress = _server.Address };
#pragma warning restore CA5399

        using var response = await http.GetAsync(new Uri($"{site}/in/page?html={encoding}", UriKind.Relative));
        string page = await response.Content.ReadAsStringAsync();
        using var text = await http.GetAsync(new Uri($"{site}/in/page?plain=1", UriKind.Relative));

        Assert.Equal($"<a href=\"{site}/other\">{site}/in/page {_server.Address.Authority} https</a>", page);
        Assert.Equal([$"a=b; Path={site}/in; HttpOnly", "c=d"], response.Headers.GetValues("Set-Cookie"));
        Assert.Equal("<a href=\"/other\">", await text.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(null, "in p: http://10.1.2.3/")]
    [InlineData("kube-system", "http://10.1.2.3/")]
    public async Task A_service_does_not_lead_into_pods_of_other_namespaces(string? podNamespace, string target)
    {
        string ns = _pods.Split('/')[^2];
        string node = "n" + Guid.NewGuid().ToString("N")[..6];
        await fixture.SendAsync(HttpMethod.Post, "/api/v1/nodes", $$"""{"metadata":{"name":"{{node}}"} }""");
        await fixture.SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{ns}/services", """{"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}}""");
        var (code, answer) = await fixture.SendAsync(HttpMethod.Post, $"/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices", $$"""
            {"metadata":{"name":"s-1","labels":{"kubernetes.io/service-name":"s"} },"addressType":"IPv4","ports":[{"name":"","port":80}],
             "endpoints":[{"addresses":["10.1.2.3"],"nodeName":"{{node}}","targetRef":{"kind":"Pod","namespace":"{{podNamespace ?? ns}}","name":"p"} }]}
            """);
        Assert.True(code == 201, answer.ToJsonString());

        Assert.Equal(target, await _http.GetStringAsync($"/api/v1/namespaces/{ns}/services/s/proxy/"));
    }

    private async Task PlaceAsync(string address)
    {
        var (code, body) = await fixture.SendAsync(
            HttpMethod.Patch, $"{_pods}/p/status", $$$"""{"status":{"podIP":"{{{address}}}","podIPs":[{"ip":"{{{address}}}"}]}}""",
            "application/merge-patch+json");
        Assert.True(code == 200, body.ToJsonString());
    }

    /// <summary>Answers with the address that it was to go to, and sends on to what is asked for with <c>to</c>.</summary>
    private sealed class EchoingProxy : INodeProxy
    {
        public Task ForwardAsync(HttpContext context, Node node, string pathAndQuery, CancellationToken cancellationToken) =>
            context.Response.WriteAsync(pathAndQuery, cancellationToken);

        public Task<HttpResponseMessage> SendAsync(Node node, HttpMethod method, string pathAndQuery, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task ForwardToPodAsync(
            HttpContext context, Node node, NamespacedName pod, Uri target, CancellationToken cancellationToken) =>
            context.Response.WriteAsync($"in {pod.Name}: {target}", cancellationToken);

        public Task ForwardToAddressAsync(HttpContext context, Node? node, Uri target, CancellationToken cancellationToken)
        {
            if (context.Request.Query.ContainsKey("html"))
                return PageAsync(context.Request, context.Response, context.Request.Query["html"].ToString());
            if (context.Request.Query.ContainsKey("plain"))
                return context.Response.WriteAsync("<a href=\"/other\">", cancellationToken);
            context.Response.Headers.Location = context.Request.Query["to"];
            return context.Response.WriteAsync(target.AbsoluteUri, cancellationToken);
        }
    
        /// <summary>A page in two writes, which says where its server believes to be.</summary>
        private static async Task PageAsync(HttpRequest request, HttpResponse response, string encoding)
        {
            string page = $"<a href=\"/other\">{request.Headers["X-Forwarded-Uri"]} {request.Headers["X-Forwarded-Host"]} {request.Headers["X-Forwarded-Proto"]}</a>";
            using var packed = new MemoryStream();
            await using (Stream packing = encoding switch
            {
                "gzip" => new GZipStream(packed, CompressionMode.Compress, leaveOpen: true),
                "br" => new BrotliStream(packed, CompressionMode.Compress, leaveOpen: true),
                "deflate" => new ZLibStream(packed, CompressionMode.Compress, leaveOpen: true),
                _ => new BufferedStream(packed),
            })
            {
                await packing.WriteAsync(Encoding.UTF8.GetBytes(page));
                await packing.FlushAsync();
            }
            byte[] body = packed.ToArray();
            response.ContentType = "text/html; charset=utf-8";
            response.ContentLength = body.Length;
            if (encoding.Length > 0)
                response.Headers.ContentEncoding = encoding;
            response.Headers.SetCookie = new[] { "a=b; Path=/in; Domain=10.1.2.3; HttpOnly", "c=d" };
            await response.Body.WriteAsync(body.AsMemory(0, 5));
            await response.Body.FlushAsync();
            await response.Body.WriteAsync(body.AsMemory(5));
        }
    }
}
