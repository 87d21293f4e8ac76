using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Tests.Simulation;

namespace Orchestrator.Runtime.Tests.Client;

public sealed class ApiClientTests
{
    private readonly VirtualWorld _world = new();
    private readonly FakeApiServer _server;
    private readonly ApiClient _client;

    public ApiClientTests()
    {
        _server = new FakeApiServer(_world);
        _client = new ApiClient(_server, new ApiClientOptions { Time = _world.Time });
    }

    [Fact]
    public void Paths_are_those_of_the_api()
    {
        _server.Intercept = _ => new ApiResponse(200, "{\"metadata\":{}}"u8.ToArray());
        var deployment = new Deployment { Metadata = new ObjectMeta { Namespace = "ns", Name = "web" } };

        _world.Await(() => _client.GetAsync<Node>("", "n1"));
        _world.Await(() => _client.ListAsync<Pod>("", new ListOptions { LabelSelector = "a in (b,c)", Limit = 5 }));
        _world.Await(() => _client.CreateAsync(deployment, new WriteOptions { IsDryRun = true }));
        _world.Await(() => _client.UpdateStatusAsync(deployment));
        _world.Await(() => _client.PatchAsync<Deployment>(
            "ns", "web", PatchFormat.Apply, "{}"u8.ToArray(), options: new WriteOptions { FieldManager = "me", Force = true }));
        _world.Await(() => _client.DeleteAsync<Deployment>("ns", "web"));
        _world.Await(() => _client.DeleteCollectionAsync<Pod>("ns", new ListOptions { FieldSelector = "spec.nodeName=n1" }));

        Assert.Equal(
            [
                "GET /api/v1/nodes/n1",
                "GET /api/v1/pods?labelSelector=a%20in%20%28b%2Cc%29&limit=5",
                "POST /apis/apps/v1/namespaces/ns/deployments?dryRun=All",
                "PUT /apis/apps/v1/namespaces/ns/deployments/web/status",
                "PATCH /apis/apps/v1/namespaces/ns/deployments/web?fieldManager=me&force=true",
                "DELETE /apis/apps/v1/namespaces/ns/deployments/web",
                "DELETE /api/v1/namespaces/ns/pods?fieldSelector=spec.nodeName%3Dn1",
            ],
            _server.Requests.Select(request => $"{request.Method} {request.PathAndQuery}"));
        Assert.Equal("application/apply-patch+yaml", _server.Requests[4].ContentType);
    }

    [Fact]
    public void An_object_goes_its_way_from_create_to_delete()
    {
        var created = _world.Await(() => _client.CreateAsync(ConfigMap("a", "1")));
        created.Data!["value"] = "2";
        var updated = _world.Await(() => _client.UpdateAsync(created));
        var patched = _world.Await(() => _client.PatchAsync<ConfigMap>(
            "default", "a", PatchFormat.Merge, Encoding.UTF8.GetBytes("""{"data":{"other":"3"}}""")));
        var read = _world.Await(() => _client.GetAsync<ConfigMap>("default", "a"));
        _world.Await(() => _client.DeleteAsync<ConfigMap>("default", "a", new Deletion { Uid = read.Uid }));
        var found = _world.Await(() => _client.FindAsync<ConfigMap>("default", "a"));

        Assert.Equal(created.Uid, updated.Uid);
        Assert.NotEqual(created.ResourceVersion, updated.ResourceVersion);
        Assert.Equal("3", patched.Data!["other"]);
        Assert.True(patched.DeepEquals(read));
        Assert.Null(found);
    }

    [Fact]
    public void A_refusal_is_an_exception_with_the_servers_status()
    {
        _world.Await(() => _client.CreateAsync(ConfigMap("a", "1")));

        var missing = Assert.Throws<ApiException>(() => _world.Await(() => _client.GetAsync<ConfigMap>("default", "b")));
        var existing = Assert.Throws<ApiException>(() => _world.Await(() => _client.CreateAsync(ConfigMap("a", "1"))));
        var stale = ConfigMap("a", "2");
        stale.Metadata.ResourceVersion = "1";
        var conflict = Assert.Throws<ApiException>(() => _world.Await(() => _client.UpdateAsync(stale)));

        Assert.True(missing.IsNotFound);
        Assert.Equal("configmaps \"b\" not found", missing.Status.Message);
        Assert.True(existing.IsAlreadyExists);
        Assert.False(existing.IsConflict);
        Assert.True(conflict.IsConflict);
    }

    [Fact]
    public void An_answer_that_is_no_Status_is_made_one()
    {
        _server.Intercept = _ => new ApiResponse(502, "<html>bad gateway"u8.ToArray());

        var refusal = Assert.Throws<ApiException>(() => _world.Await(() => _client.GetAsync<ConfigMap>("default", "b")));

        Assert.Equal(502, refusal.Status.Code);
        Assert.Equal("InternalError", refusal.Status.Reason);
        Assert.Equal("<html>bad gateway", refusal.Status.Message);
    }

    [Fact]
    public void A_request_that_is_put_off_is_sent_again_after_the_time_the_server_says()
    {
        int refusals = 0;
        _server.Intercept = _ => refusals++ < 3
            ? new ApiResponse(429, """{"kind":"Status","code":429,"reason":"TooManyRequests"}"""u8.ToArray(), TimeSpan.FromSeconds(2))
            : null;

        _world.Await(() => _client.CreateAsync(ConfigMap("a", "1")));

        Assert.Equal(TimeSpan.FromSeconds(6), _world.Elapsed);
        Assert.Equal(4, _server.Requests.Count);
    }

    [Fact]
    public void A_429_without_a_time_is_an_answer()
    {
        _server.Intercept = _ => new ApiResponse(429, """{"kind":"Status","code":429,"reason":"TooManyRequests"}"""u8.ToArray());

        var refusal = Assert.Throws<ApiException>(() => _world.Await(() => _client.CreateAsync(ConfigMap("a", "1"))));

        Assert.True(refusal.IsTooManyRequests());
        Assert.Single(_server.Requests);
    }

    [Fact]
    public void A_list_in_pages_shows_everything_and_starts_over_when_its_state_expires()
    {
        var pages = new Queue<string>(
        [
            """{"metadata":{"resourceVersion":"7","continue":"t1"},"items":[{"metadata":{"name":"a"}}]}""",
            """{"kind":"Status","code":410,"reason":"Expired"}""",
            """{"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}""",
        ]);
        _server.Intercept = _ =>
        {
            string page = pages.Dequeue();
            return new ApiResponse(page.Contains("410", StringComparison.Ordinal) ? 410 : 200, Encoding.UTF8.GetBytes(page));
        };

        var names = _world.Await(NamesAsync);

        Assert.Equal(["a", "a", "b"], names);
        Assert.Equal("GET /api/v1/namespaces/ns/configmaps?limit=1&continue=t1", Line(1));
        Assert.Equal("GET /api/v1/namespaces/ns/configmaps", Line(2));

        async Task<List<string>> NamesAsync()
        {
            var found = new List<string>();
            await foreach (var item in _client.ListAllAsync<ConfigMap>("ns", new ListOptions { Limit = 1 }))
                found.Add(item.Name);
            return found;
        }

        string Line(int index) => $"{_server.Requests[index].Method} {_server.Requests[index].PathAndQuery}";
    }

    [Fact]
    public void A_watch_shows_changes_until_the_server_ends_it()
    {
        _server.Put(ConfigMap("a", "1"));
        var events = new List<string>();
        var watching = _world.Start(WatchAsync);
        _world.Run(TimeSpan.FromSeconds(1));

        _server.Put(ConfigMap("b", "1"));
        _server.Erase<ConfigMap>("default", "a");
        _world.Await(watching, TimeSpan.FromMinutes(2));

        Assert.Equal(["Added a", "Added b", "Deleted a"], events);

        async Task WatchAsync()
        {
            await foreach (var change in _client.WatchAsync<ConfigMap>(
                "default", new WatchOptions { Timeout = TimeSpan.FromSeconds(60) }))
            {
                events.Add($"{change.Type} {change.Object.Name}");
            }
        }
    }

    [Fact]
    public void An_error_in_a_watch_is_an_exception()
    {
        _server.Intercept = _ => new ApiResponse(
            200, """{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"""u8.ToArray());

        var refusal = Assert.Throws<ApiException>(() => _world.Await(WatchAsync));

        Assert.True(refusal.IsExpired);

        async Task WatchAsync()
        {
            await foreach (var change in _client.WatchAsync<ConfigMap>("default", new WatchOptions()))
                Assert.Fail($"{change}");
        }
    }

    [Fact]
    public void An_event_is_read_whichever_field_comes_first()
    {
        var (type, body) = WatchEventReader.Read("""{"object":{"a":{"b":"}"}},"type":"DELETED"}"""u8.ToArray());
        var (type2, body2) = WatchEventReader.Read("""{ "type" : "ADDED", "object" : {"a":{"b":"}"}} } """u8.ToArray());

        Assert.Equal(WatchEventType.Deleted, type);
        Assert.Equal("""{"a":{"b":"}"}}""", Encoding.UTF8.GetString(body.Span));
        Assert.Equal(WatchEventType.Added, type2);
        Assert.Equal("""{"a":{"b":"}"}}""", Encoding.UTF8.GetString(body2.Span).Trim());
    }

    [Fact]
    public void A_limited_client_sends_a_burst_and_then_its_rate()
    {
        var client = new ApiClient(
            _server, new ApiClientOptions { Time = _world.Time, QueriesPerSecond = 5, Burst = 10 });

        var requests = Enumerable.Range(0, 25)
            .Select(_ => _world.Start(() => client.FindAsync<ConfigMap>("default", "a"))).ToList();
        _world.Run(TimeSpan.FromMilliseconds(1));
        int atOnce = _server.Requests.Count;
        foreach (var request in requests)
            _world.Await(request);

        Assert.Equal(10, atOnce);
        Assert.InRange(_world.Elapsed.TotalSeconds, 2.9, 3.1);
    }

    private static ConfigMap ConfigMap(string name, string value) => new()
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = name },
        Data = new Dictionary<string, string> { ["value"] = value },
    };
}
