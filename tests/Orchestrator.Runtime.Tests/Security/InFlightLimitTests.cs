using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Client;
using static Orchestrator.Runtime.Tests.Security.SecuredServer;

namespace Orchestrator.Runtime.Tests.Security;

/// <summary>What a server does with more requests than it serves at once.</summary>
public sealed class InFlightLimitTests(SecuredServer cluster) : IClassFixture<SecuredServer>, IAsyncLifetime
{
    /// <summary>A path whose requests are answered when the test says so.</summary>
    private const string Held = "/held";

    private const string Review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    private const string ReviewBody = """{"spec":{"nonResourceAttributes":{"path":"/api","verb":"get"}}}""";

    private readonly Channel<string> _entered = Channel.CreateUnbounded<string>();
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<ApiServerHost> _servers = [];
    private HttpClient _amy = null!;

    public async Task InitializeAsync()
    {
        _amy = cluster.ClientOf("amy", "users");
        await cluster.PostAsync(cluster.Admin, "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            $$"""{"metadata":{"name":"held"},"rules":[{"verbs":["*"],"nonResourceURLs":["{{Held}}"]}]}""");
        foreach (string role in (string[])["held", "view"])
        {
            await cluster.PostAsync(cluster.Admin, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                $$$"""{"metadata":{"name":"amy-{{{role}}}"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"{{{role}}}"},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"amy"}]}""");
        }
    }

    public async Task DisposeAsync()
    {
        _released.TrySetResult();
        foreach (var server in _servers)
            await server.DisposeAsync();
    }

    [Fact]
    public async Task A_read_beyond_the_limit_is_refused_and_may_come_again_in_a_second()
    {
        string url = await StartAsync(reads: 2, writes: 1);
        var held = await HoldAsync(HttpMethod.Get, url, 2);

        using var refused = await _amy.GetAsync(url + "/api/v1/pods");

        Assert.Equal(429, (int)refused.StatusCode);
        Assert.Equal("1", Assert.Single(refused.Headers.GetValues("Retry-After")));
        Assert.Equal("text/plain; charset=utf-8", refused.Content.Headers.ContentType!.ToString());
        Assert.Equal("Too many requests, please try again later.\n", await refused.Content.ReadAsStringAsync());
        Assert.Equal(201, (await cluster.PostAsync(_amy, url + Review, ReviewBody)).Code);
        await ReleaseAsync(held);
        await UntilAsync(() => cluster.GetAsync(_amy, url + "/api/v1/pods"), answer => answer.Code == 200);
    }

    [Fact]
    public async Task A_write_beyond_the_limit_is_refused_and_reads_go_on()
    {
        string url = await StartAsync(reads: 1, writes: 1);
        var held = await HoldAsync(HttpMethod.Post, url, 1);

        var (code, body) = await cluster.PostAsync(_amy, url + Review, ReviewBody);

        Assert.Equal((429, "Too many requests, please try again later.\n"), (code, (string?)body["text"]));
        Assert.Equal(200, (await cluster.GetAsync(_amy, url + "/api/v1/pods")).Code);
        await ReleaseAsync(held);
        Assert.Equal(201, (await UntilAsync(() => cluster.PostAsync(_amy, url + Review, ReviewBody), answer => answer.Code == 201)).Code);
    }

    [Fact]
    public async Task Watches_probes_and_masters_are_served_however_many_requests_there_are()
    {
        string url = await StartAsync(reads: 1, writes: 1);
        var held = await HoldAsync(HttpMethod.Get, url, 1);
        held.AddRange(await HoldAsync(HttpMethod.Post, url, 1));

        using var watch = await _amy.GetAsync(url + "/api/v1/pods?watch=1&resourceVersion=0", HttpCompletionOption.ResponseHeadersRead);
        var probe = await cluster.GetAsync(_amy, url + "/readyz");
        var read = await cluster.GetAsync(cluster.Admin, url + "/api/v1/namespaces/default");
        var write = await cluster.PostAsync(cluster.Admin, url + Review, ReviewBody);
        var (_, metrics) = await cluster.GetAsync(cluster.Admin, url + "/metrics");

        Assert.Equal(200, (int)watch.StatusCode);
        Assert.Equal((200, 200, 201), (probe.Code, read.Code, write.Code));
        Assert.Contains("apiserver_current_inflight_requests{request_kind=\"mutating\"} 1\n", (string?)metrics["text"]);
        Assert.Contains("apiserver_current_inflight_requests{request_kind=\"readOnly\"} 1\n", (string?)metrics["text"]);
        await ReleaseAsync(held);
    }

    [Fact]
    public async Task A_request_whose_client_goes_gives_its_place_back()
    {
        string url = await StartAsync(reads: 1, writes: 1);
        using var gone = new CancellationTokenSource();
        var held = Assert.Single(await HoldAsync(HttpMethod.Post, url, 1, gone.Token));
        Assert.Equal(429, (await cluster.PostAsync(_amy, url + Review, ReviewBody)).Code);

        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held);
        Assert.Equal(201, (await UntilAsync(() => cluster.PostAsync(_amy, url + Review, ReviewBody), answer => answer.Code == 201)).Code);
    }

    [Fact]
    public async Task A_client_of_ours_that_is_refused_comes_again_until_it_is_served()
    {
        string url = await StartAsync(reads: 1, writes: 1);
        var held = await HoldAsync(HttpMethod.Post, url, 1);
        using var http = new HttpTransport(new HttpTransportOptions(new Uri(url))
        {
            CertificateAuthorities = [cluster.Certificates.ServerAuthority.Certificate], BearerToken = () => "static-secret",
        });
        var refused = new RefusalSignal(http);

        var answer = new ApiClient(refused).SendAsync(new(HttpMethod.Post, Review) { Body = Encoding.UTF8.GetBytes(ReviewBody) });
        await refused.Seen.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await ReleaseAsync(held);

        Assert.Contains("\"status\":{\"allowed\":true", Encoding.UTF8.GetString((await answer.WaitAsync(TimeSpan.FromSeconds(60))).Span));
    }

    [Fact]
    public async Task Zero_is_no_limit()
    {
        string url = await StartAsync(reads: 0, writes: 0);
        var held = await HoldAsync(HttpMethod.Get, url, 5);
        held.AddRange(await HoldAsync(HttpMethod.Post, url, 5));

        var answer = await cluster.GetAsync(_amy, url + "/api/v1/pods");

        Assert.Equal(200, answer.Code);
        await ReleaseAsync(held);
    }

    private async Task<string> StartAsync(int reads, int writes)
    {
        var server = await cluster.StartAsync(options =>
        {
            options.MaxRequestsInFlight = reads;
            options.MaxMutatingRequestsInFlight = writes;
            var others = options.CreateEndpoints!;
            options.CreateEndpoints = services => new Dictionary<string, RequestDelegate>(others(services)) { [Held] = HoldAsync };
        });
        _servers.Add(server);
        // The role bindings are in its caches.
        await UntilAsync(() => cluster.GetAsync(_amy, server.Address + "api/v1/pods"), answer => answer.Code == 200);
        return server.Address.ToString().TrimEnd('/');
    }

    private async Task HoldAsync(HttpContext http)
    {
        _entered.Writer.TryWrite(http.Request.Method);
        await _released.Task.WaitAsync(http.RequestAborted);
        http.Response.StatusCode = 204;
    }

    /// <summary>So many requests that the server has begun to serve.</summary>
    private async Task<List<Task<HttpResponseMessage>>> HoldAsync(HttpMethod method, string url, int count, CancellationToken gone = default)
    {
        var held = Enumerable.Range(0, count).Select(_ => _amy.SendAsync(new HttpRequestMessage(method, url + Held), gone)).ToList();
        for (int i = 0; i < count; i++)
            Assert.Equal(method.Method, await _entered.Reader.ReadAsync(gone).AsTask().WaitAsync(TimeSpan.FromSeconds(60), gone));
        return held;
    }

    private async Task ReleaseAsync(List<Task<HttpResponseMessage>> held)
    {
        _released.TrySetResult();
        foreach (var answer in await Task.WhenAll(held).WaitAsync(TimeSpan.FromSeconds(60)))
        {
            Assert.Equal(204, (int)answer.StatusCode);
            answer.Dispose();
        }
    }

    /// <summary>Tells when the server has refused something.</summary>
    private sealed class RefusalSignal(IApiTransport transport) : IApiTransport
    {
        public TaskCompletionSource Seen { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation)
        {
            var answer = await transport.SendAsync(request, cancellation);
            if (answer.StatusCode == 429)
                Seen.TrySetResult();
            return answer;
        }

        public Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation) => transport.OpenAsync(request, cancellation);
    }
}
