using System.Text.Json.Nodes;
using KvStore.Client;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Tests.ApiServer.Support;
using static Orchestrator.Runtime.Tests.ApiServer.Support.ServerFixture;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>An API server whose store goes away and comes back.</summary>
public sealed class StoreOutageTests : IAsyncLifetime
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly LogLines _log = new();
    private StoreProcess _store = null!;
    private EtcdClient _client = null!;
    private ApiServerHost _server = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _store = await StoreProcess.StartAsync();
        _client = new EtcdClient(_store.Url);
        _server = await ApiServerHost.StartAsync(new ApiServerOptions { Store = _client, Certificate = Certificate(), LoggerFactory = _log });
        _http = ClientOf(_server);
        await CreateAsync("before");
    }

    public async Task DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
        await _client.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task While_the_store_is_away_all_say_so_and_when_it_is_back_watches_go_on_without_a_gap()
    {
        string revision = (string)(await GetAsync(Maps)).Body["metadata"]!["resourceVersion"]!;
        using var watch = await WatchReader.OpenAsync(_http, $"{Maps}?watch=true&resourceVersion={revision}");
        using var all = await WatchReader.OpenAsync(_http, $"{Maps}?watch=true");
        Assert.Equal("ADDED before", await all.NextTextAsync());
        // A change that comes shows that the server follows its store: before, it would begin anew, and end its own watches.
        await CreateAsync("live");
        Assert.Equal(["ADDED live", "ADDED live"], [await watch.NextTextAsync(), await all.NextTextAsync()]);

        await _store.KillAsync();
        var ready = await UntilAsync("/readyz", 500);
        var answers = await Task.WhenAll(
            GetAsync(Maps + "/before"), GetAsync(Maps), GetAsync(Maps + "?watch=true"), SendAsync(_http, HttpMethod.Post, Maps, Map("lost")),
            SendAsync(_http, HttpMethod.Delete, Maps + "/before"), SendAsync(_http, HttpMethod.Put, Maps + "/before", Map("before")));
        var cached = await GetAsync(Maps + "?resourceVersion=0");

        Assert.Equal("[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n", (string?)ready["text"]);
        Assert.Equal(500, (await GetAsync("/livez/etcd")).Code);
        Assert.Equal(200, (await GetAsync("/readyz/ping")).Code);
        Assert.All(answers, answer =>
        {
            Assert.True(
                answer.Code == 503 && (string?)answer.Body["kind"] == "Status" && (string?)answer.Body["reason"] == "ServiceUnavailable",
                answer.Body.ToJsonString());
            // Clients have waited long enough: they are not asked to come again by themselves.
            Assert.Null(answer.Body["details"]?["retryAfterSeconds"]);
        });
        Assert.Equal(["before", "live"], Names(cached.Body));

        await _store.StartAgainAsync();
        await UntilAsync("/readyz", 200);
        await CreateAsync("after");
        await CreateAsync("later");

        string[] seen = [await watch.NextTextAsync(), await watch.NextTextAsync(), await all.NextTextAsync(), await all.NextTextAsync()];
        Assert.True(seen is ["ADDED after", "ADDED later", "ADDED after", "ADDED later"], $"{string.Join(", ", seen)}{Environment.NewLine}{_log}");
        Assert.Equal(["after", "before", "later", "live"], Names((await GetAsync(Maps)).Body));
    }

    [Fact]
    public async Task A_store_that_hangs_holds_no_request_longer_than_the_request_may_take_and_goes_on_when_it_wakes()
    {
        await using var impatient = await ApiServerHost.StartAsync(new ApiServerOptions
        {
            Store = _client, Certificate = Certificate(), RequestTimeout = TimeSpan.FromSeconds(3),
        });
        using var http = ClientOf(impatient);
        using var watch = await WatchReader.OpenAsync(http, $"{Maps}?watch=true");
        Assert.Equal("ADDED before", await watch.NextTextAsync());
        await CreateAsync("live");
        Assert.Equal("ADDED live", await watch.NextTextAsync());

        _store.Freeze();
        try
        {
            await UntilAsync("/readyz", 500);
            var answers = await Task.WhenAll(
                SendAsync(http, HttpMethod.Get, Maps + "/before"), SendAsync(http, HttpMethod.Get, Maps),
                SendAsync(http, HttpMethod.Post, Maps, Map("doubtful")));
            Assert.All(answers, answer => Assert.True(
                answer.Code == 504 && (string?)answer.Body["reason"] == "Timeout", $"{answer.Code} {answer.Body.ToJsonString()}"));
        }
        finally
        {
            _store.Thaw();
        }

        await UntilAsync("/readyz", 200);
        await CreateAsync("after");
        var seen = new List<string> { await watch.NextTextAsync() };
        while (seen[^1] != "ADDED after")
            seen.Add(await watch.NextTextAsync());
        // What was sent and not answered may have been done.
        Assert.True(seen is ["ADDED after"] or ["ADDED doubtful", "ADDED after"], string.Join(", ", seen));
    }

    private static IEnumerable<string?> Names(JsonObject list) => list["items"]!.AsArray().Select(map => (string?)map!["metadata"]!["name"]);

    private static string Map(string name) => $$"""{"metadata":{"name":"{{name}}"} }""";

    private Task<(int Code, JsonObject Body)> GetAsync(string path) => SendAsync(_http, HttpMethod.Get, path);

    private async Task CreateAsync(string name)
    {
        var (code, body) = await SendAsync(_http, HttpMethod.Post, Maps, Map(name));
        Assert.True(code == 201, body.ToJsonString());
    }

    private async Task<JsonObject> UntilAsync(string path, int code)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (true)
        {
            var answer = await GetAsync(path);
            if (answer.Code == code)
                return answer.Body;
            Assert.True(DateTime.UtcNow < deadline, $"{path} stays {answer.Code}: {answer.Body.ToJsonString()}");
            await Task.Delay(50);
        }
    }
}
