using System.Collections.Concurrent;
using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.Informers;

/// <summary>Informers before the real API server: what breaks between the two leaves no gap.</summary>
public sealed class InformerOverHttpsTests(ServerFixture fixture) : IClassFixture<ServerFixture>, IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentQueue<string> _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private ReplaceableServer _server = null!;
    private ApiClient _client = null!;
    private string _namespace = "";

    public async Task InitializeAsync()
    {
        _server = new ReplaceableServer(fixture);
        await _server.StartAsync();
        _client = new ApiClient(_server.Connect());
        _namespace = await fixture.NewNamespaceAsync();
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        await _server.DisposeAsync();
        _stop.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_a_new_servers_410_the_difference_is_told_with_the_deletions_that_were_missed(bool usesWatchList)
    {
        foreach (string name in (string[])["anew", "gone", "kept", "same"])
            await PutAsync(name, "1");
        var informer = Start(new InformerOptions { UsesWatchList = usesWatchList });
        await informer.WaitForSyncAsync().WaitAsync(Patience);
        Assert.Equal(["+anew=1 initial", "+gone=1 initial", "+kept=1 initial", "+same=1 initial"], _log.Order());
        _log.Clear();

        await _server.StopAsync();
        await DeleteAsync("gone");
        await DeleteAsync("anew");
        await PutAsync("anew", "2");
        await PutAsync("kept", "2");
        await PutAsync("new", "2");
        // It knows what there is, and nothing of how that came about.
        await _server.StartAsync();
        await UntilAsync(() => _log.Count >= 5);

        Assert.Equal(["+anew=2", "+new=2", "-anew=1 unseen", "-gone=1 unseen", "kept:1->2"], _log.Order(StringComparer.Ordinal));
        Assert.Equal(2, informer.ListCount);
        Assert.Equal(4, informer.List<ConfigMap>().Count);
        await PutAsync("kept", "3");
        await UntilAsync(() => _log.Contains("kept:2->3"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_watch_that_breaks_again_and_again_misses_nothing_and_tells_nothing_twice(bool usesWatchList)
    {
        const int Changes = 100;
        await PutAsync("a", "0");
        var informer = Start(new InformerOptions { UsesWatchList = usesWatchList });
        await informer.WaitForSyncAsync().WaitAsync(Patience);

        for (int value = 1; value <= Changes; value++)
        {
            if (value % 10 == 0)
                _server.BreakConnections();
            await PutAsync("a", value.ToString(CultureInfo.InvariantCulture));
        }
        await UntilAsync(() => _log.Count > Changes);

        Assert.Equal(["+a=0 initial", .. Enumerable.Range(1, Changes).Select(value => $"a:{value - 1}->{value}")], _log);
        Assert.Equal(1, informer.ListCount);
    }

    [Fact]
    public async Task A_server_that_is_away_for_a_while_is_waited_for()
    {
        await _server.StopAsync();
        var informer = Start(new InformerOptions());
        await PutAsync("a", "1");
        Assert.False(informer.HasSynced);

        await _server.StartAsync();

        await informer.WaitForSyncAsync().WaitAsync(Patience);
        Assert.Equal(["+a=1 initial"], _log);
    }

    [Fact]
    public async Task Bookmarks_carry_an_informer_past_what_does_not_concern_it()
    {
        // The server gives the last bookmark shortly before the end of a watch, and it ends soon.
        var informer = Start(new InformerOptions { WatchTimeout = TimeSpan.FromSeconds(3), LabelSelector = "never=matches" });
        await informer.WaitForSyncAsync().WaitAsync(Patience);

        long revision = await PutAsync("elsewhere", "1");

        await UntilAsync(() => informer.SeenResourceVersion >= revision);
        Assert.Equal(1, informer.ListCount);
        Assert.Empty(_log);
    }

    [Fact]
    public async Task A_resync_tells_everything_again_though_nothing_has_changed()
    {
        await PutAsync("a", "1");
        var informer = Start(new InformerOptions { Resync = Soon });
        await informer.WaitForSyncAsync().WaitAsync(Patience);

        await UntilAsync(() => _log.Count(line => line == "a:1->1") >= 3);
        await PutAsync("a", "2");
        await UntilAsync(() => _log.Contains("a:2->2"));

        Assert.Equal(1, informer.ListCount);
        Assert.Single(_log, "a:1->2");
    }

    [Fact]
    public async Task Events_arrive_in_the_order_of_the_store_however_many_write()
    {
        var informer = Start(new InformerOptions());
        await informer.WaitForSyncAsync().WaitAsync(Patience);
        var revisions = new ConcurrentQueue<long>();
        using var handler = informer.AddHandler(change =>
            revisions.Enqueue(long.Parse(change.Current.ResourceVersion, CultureInfo.InvariantCulture)));

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async writer =>
        {
            for (int value = 0; value < 20; value++)
                await PutAsync($"w{writer}", value.ToString(CultureInfo.InvariantCulture));
        }));
        await UntilAsync(() => revisions.Count >= 160);

        Assert.Equal(160, revisions.Count);
        Assert.Equal(revisions.Order(), revisions);
    }

    private Informer Start(InformerOptions options)
    {
        var informer = new Informer(
            _client, ApiClient.ResourceOf<ConfigMap>(), options with { Namespace = _namespace, RetryDelay = Soon, RetryLimit = Soon * 10 });
        informer.AddHandler(change => _log.Enqueue(Line(change)));
        _running.Add(informer.RunAsync(_stop.Token));
        return informer;
    }

    private static string Line(InformerChange change) => change.Type switch
    {
        InformerChangeType.Added => $"+{change.New!.Name}={Value(change.New)}{(change.IsInitial ? " initial" : "")}",
        InformerChangeType.Deleted => $"-{change.Old!.Name}={Value(change.Old)}{(change.IsFinalStateUnknown ? " unseen" : "")}",
        _ => $"{change.New!.Name}:{Value(change.Old!)}->{Value(change.New)}",
    };

    private static string Value(IKubernetesObject? map) => ((ConfigMap)map!).Data!["value"];

    /// <summary>By another server of the same store, which is always there.</summary>
    /// <returns>The resourceVersion.</returns>
    private async Task<long> PutAsync(string name, string value)
    {
        string path = $"/api/v1/namespaces/{_namespace}/configmaps";
        string map = $$$"""{"metadata":{"name":"{{{name}}}"},"data":{"value":"{{{value}}}"} }""";
        var (code, body) = await fixture.SendAsync(HttpMethod.Put, $"{path}/{name}", map);
        if (code == 404)
            (code, body) = await fixture.SendAsync(HttpMethod.Post, path, map);
        Assert.True(code is 200 or 201, body.ToJsonString());
        return long.Parse((string)body["metadata"]!["resourceVersion"]!, CultureInfo.InvariantCulture);
    }

    private async Task DeleteAsync(string name)
    {
        var (code, body) = await fixture.SendAsync(HttpMethod.Delete, $"/api/v1/namespaces/{_namespace}/configmaps/{name}");
        Assert.True(code == 200, body.ToJsonString());
    }

    private async Task UntilAsync(Func<bool> isSo)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (!isSo())
        {
            Assert.True(DateTime.UtcNow < deadline, $"never; told: {string.Join(", ", _log)}");
            await Task.Delay(5);
        }
    }
}
