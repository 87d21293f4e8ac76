using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Tests.Security;

namespace Orchestrator.Runtime.Tests.Client;

/// <summary>The client before a real, secured API server.</summary>
public sealed class ApiClientOverHttpsTests(SecuredServer cluster) : IClassFixture<SecuredServer>, IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly List<HttpTransport> _transports = [];
    private readonly TemporaryDirectory _directory = new();
    private ApiClient _admin = null!;
    private string _namespace = "";

    public async Task InitializeAsync()
    {
        _admin = Connect(cluster.Certificates.Admin);
        _namespace = await cluster.NewNamespaceAsync();
    }

    public Task DisposeAsync()
    {
        _transports.ForEach(transport => transport.Dispose());
        _directory.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_token_that_is_renewed_in_its_file_is_used_from_the_next_request_on()
    {
        string file = _directory.File("token");
        await cluster.PostAsync(cluster.Admin, $"/api/v1/namespaces/{_namespace}/serviceaccounts", """{"metadata":{"name":"robot"} }""");
        await cluster.PostAsync(cluster.Admin, $"/apis/rbac.authorization.k8s.io/v1/namespaces/{_namespace}/rolebindings",
            $$$"""{"metadata":{"name":"robot"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":[{"kind":"ServiceAccount","name":"robot","namespace":"{{{_namespace}}}"}]}""");
        await _admin.CreateAsync(new Secret { Metadata = new ObjectMeta { Namespace = _namespace, Name = "bound" } });
        File.WriteAllText(file, await TokenAsync("bound"));
        var robot = Connect(null, () => File.ReadAllText(file));
        await UntilAsync(async () => await CodeOfAsync(robot) == 200);
        await using var watch = robot.WatchAsync<ConfigMap>(_namespace, new WatchOptions()).GetAsyncEnumerator();
        var first = watch.MoveNextAsync();

        // The token is bound to a secret, and dies with it.
        await _admin.DeleteAsync<Secret>(_namespace, "bound");
        await UntilAsync(async () => await CodeOfAsync(robot) == 401);
        File.WriteAllText(file, await TokenAsync(null));

        Assert.Equal(200, await CodeOfAsync(robot));
        await _admin.CreateAsync(Map("seen"));
        Assert.True(await first.AsTask().WaitAsync(Patience));
        Assert.Equal("seen", watch.Current.Object.Name); // Who was let in stays.
    }

    [Fact]
    public async Task A_list_whose_state_is_compacted_between_its_pages_is_taken_anew_as_a_whole()
    {
        foreach (string name in (string[])["a", "b", "c", "d", "e"])
            await _admin.CreateAsync(Map(name));
        var seen = new List<string>();

        await foreach (var map in _admin.ListAllAsync<ConfigMap>(_namespace, new ListOptions { Limit = 2 }))
        {
            seen.Add(map.Name);
            if (seen.Count != 2)
                continue;
            await _admin.DeleteAsync<ConfigMap>(_namespace, "b");
            await _admin.CreateAsync(Map("f"));
            await cluster.CompactAsync();
        }

        Assert.Equal(["a", "b", "a", "c", "d", "e", "f"], seen);
    }

    [Fact]
    public async Task A_watch_from_a_state_that_is_forgotten_is_refused_as_expired()
    {
        // Another server on the store: its memory begins with its start.
        await using var server = await cluster.StartAsync();
        var client = Connect(cluster.Certificates.Admin, server: server.Address);
        await using var watch = client.WatchAsync<ConfigMap>(_namespace, new WatchOptions { ResourceVersion = "1" }).GetAsyncEnumerator();

        var refusal = await Assert.ThrowsAsync<ApiException>(async () => await watch.MoveNextAsync());

        Assert.True(refusal.IsExpired, refusal.Message);
        Assert.Equal(410, refusal.Status.Code);
    }

    [Fact]
    public async Task A_watch_ends_in_order_with_the_time_that_it_asked_for_and_a_bookmark_tells_how_far_it_was()
    {
        await _admin.CreateAsync(Map("a"));
        var events = new List<(WatchEventType, string)>();

        await foreach (var change in _admin.WatchAsync<ConfigMap>(_namespace, new WatchOptions { Timeout = TimeSpan.FromSeconds(3) }))
            events.Add((change.Type, change.Type == WatchEventType.Bookmark ? "" : change.Object.Name));

        Assert.Equal((WatchEventType.Added, "a"), events[0]);
        Assert.All(events.Skip(1), told => Assert.Equal(WatchEventType.Bookmark, told.Item1));
        Assert.NotEmpty(events.Skip(1));
    }

    [Fact]
    public async Task A_server_that_goes_ends_its_watches_in_order_and_later_requests_say_that_nobody_answers()
    {
        var server = await cluster.StartAsync();
        var client = Connect(cluster.Certificates.Admin, server: server.Address);
        await using var watch = client.WatchAsync<ConfigMap>(_namespace, new WatchOptions()).GetAsyncEnumerator();
        await _admin.CreateAsync(Map("a"));
        Assert.True(await watch.MoveNextAsync().AsTask().WaitAsync(Patience));

        await server.DisposeAsync();

        Assert.False(await watch.MoveNextAsync().AsTask().WaitAsync(Patience));
        await Assert.ThrowsAsync<TransportException>(() => client.GetAsync<ConfigMap>(_namespace, "a"));
    }

    private async Task<int> CodeOfAsync(ApiClient client)
    {
        try
        {
            await client.ListAsync<ConfigMap>(_namespace);
            return 200;
        }
        catch (ApiException refusal)
        {
            return refusal.Status.Code ?? 0;
        }
    }

    private async Task<string> TokenAsync(string? secret)
    {
        var spec = new JsonObject();
        if (secret is not null)
            spec["boundObjectRef"] = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Secret", ["name"] = secret };
        var (code, body) = await cluster.PostAsync(
            cluster.Admin, $"/api/v1/namespaces/{_namespace}/serviceaccounts/robot/token", new JsonObject { ["spec"] = spec }.ToJsonString());
        Assert.True(code == 201, body.ToJsonString());
        return (string)body["status"]!["token"]!;
    }

    private ConfigMap Map(string name) => new() { Metadata = new ObjectMeta { Namespace = _namespace, Name = name } };

    private ApiClient Connect(X509Certificate2? certificate, Func<string?>? token = null, Uri? server = null)
    {
        var transport = new HttpTransport(new HttpTransportOptions(server ?? cluster.Server.Address)
        {
            CertificateAuthorities = new X509Certificate2Collection(cluster.Certificates.ServerAuthority.Certificate),
            ClientCertificate = certificate,
            BearerToken = token,
        });
        _transports.Add(transport);
        return new ApiClient(transport);
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (!await isSo())
        {
            Assert.True(DateTime.UtcNow < deadline, "never");
            await Task.Delay(20);
        }
    }
}
