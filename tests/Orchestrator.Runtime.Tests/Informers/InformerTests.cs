using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.Tests.Simulation;

namespace Orchestrator.Runtime.Tests.Informers;

public sealed class InformerTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);

    private readonly VirtualWorld _world = new();
    private readonly FakeApiServer _server;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<string> _log = [];

    public InformerTests() => _server = new FakeApiServer(_world);

    public void Dispose()
    {
        _stop.Cancel();
        _world.Run(TimeSpan.FromSeconds(1));
        _stop.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_there_and_what_changes_reaches_store_and_handlers(bool usesWatchList)
    {
        _server.Put(ConfigMap("a", "1"));
        var informer = Start(new InformerOptions { UsesWatchList = usesWatchList });
        _world.RunUntil(() => informer.HasSynced, Long);

        _server.Put(ConfigMap("b", "1"));
        _server.Put(ConfigMap("a", "2"));
        _server.Erase<ConfigMap>("default", "b");
        _world.RunUntil(() => _log.Count == 4, Long);

        Assert.Equal(["+a=1 initial", "+b=1", "a:1->2", "-b=1"], _log);
        Assert.Equal("2", Value(informer.Get("default", "a")!));
        Assert.Null(informer.Get("default", "b"));
        Assert.Equal(_server.Revision, informer.SeenResourceVersion);
        Assert.Equal(1, informer.ListCount);
    }

    [Fact]
    public void A_broken_watch_goes_on_where_it_stopped()
    {
        var informer = Start(new InformerOptions());
        _world.RunUntil(() => informer.HasSynced, Long);
        _server.Put(ConfigMap("a", "1"));
        _world.RunUntil(() => _log.Count == 1, Long);

        _server.BreakWatches();
        _server.Put(ConfigMap("a", "2"));
        _server.Put(ConfigMap("a", "3"));
        _world.RunUntil(() => _log.Count == 3, Long);

        Assert.Equal(["+a=1", "a:1->2", "a:2->3"], _log);
        Assert.Equal(1, informer.ListCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void After_a_compaction_the_difference_is_told_with_the_deletions_that_were_missed(bool usesWatchList)
    {
        foreach (string name in (string[])["gone", "kept", "anew"])
            _server.Put(ConfigMap(name, "1"));
        var informer = Start(new InformerOptions { UsesWatchList = usesWatchList });
        _world.RunUntil(() => informer.HasSynced, Long);
        _log.Clear();

        _server.BreakWatches();
        _server.Erase<ConfigMap>("default", "gone");
        _server.Erase<ConfigMap>("default", "anew");
        _server.Put(ConfigMap("anew", "2"));
        _server.Put(ConfigMap("new", "1"));
        _server.Compact();
        _world.RunUntil(() => _log.Count == 4, Long);

        Assert.Equal(["+anew=2", "+new=1", "-anew=1 unknown", "-gone=1 unknown"], _log.Order(StringComparer.Ordinal));
        Assert.True(_log.IndexOf("-anew=1 unknown") < _log.IndexOf("+anew=2"));
        Assert.Equal(2, informer.ListCount);
    }

    [Fact]
    public void A_server_without_WatchList_is_asked_for_a_list()
    {
        _server.Faults = new Faults { RefusesWatchList = true };
        _server.Put(ConfigMap("a", "1"));

        var informer = Start(new InformerOptions());
        _world.RunUntil(() => informer.HasSynced, Long);

        Assert.Equal("1", Value(informer.Get("default", "a")!));
        Assert.True(_world.Elapsed < TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public void A_resync_tells_every_object_again()
    {
        _server.Put(ConfigMap("a", "1"));
        var informer = Start(new InformerOptions { Resync = TimeSpan.FromMinutes(1) });
        _world.RunUntil(() => informer.HasSynced, Long);

        _world.Run(TimeSpan.FromMinutes(2.5));

        Assert.Equal(["+a=1 initial", "a:1->1", "a:1->1"], _log);
    }

    [Fact]
    public void A_late_handler_is_told_what_is_there()
    {
        _server.Put(ConfigMap("a", "1"));
        var informer = Start(new InformerOptions());
        _world.RunUntil(() => informer.HasSynced, Long);
        var late = new List<string>();

        using var registration = informer.AddHandler(change => late.Add($"{change.Type} {change.Current.Name}"));
        _server.Put(ConfigMap("b", "1"));
        _world.RunUntil(() => late.Count == 2, Long);

        Assert.Equal(["Added a", "Added b"], late);
    }

    [Fact]
    public void Indexes_follow_every_change()
    {
        _server.Put(Owned("a", "uid-1"));
        _server.Put(Owned("b", null));
        var informer = Start(new InformerOptions());
        informer.AddIndex("value", item => [Value(item)]);
        _world.RunUntil(() => informer.HasSynced, Long);

        _server.Put(Owned("b", "uid-1"));
        _server.Put(Owned("a", "uid-2"));
        var last = _server.Put(ConfigMap("c", "7"));
        _world.RunUntil(() => informer.Get(last.Key) is not null, Long);

        Assert.Equal(["b"], Names(informer.ByIndex<ConfigMap>("controller", "uid-1")));
        Assert.Equal(["a"], Names(informer.ByIndex<ConfigMap>("controller", "uid-2")));
        Assert.Equal(["c"], Names(informer.ByIndex<ConfigMap>("orphan", "default")));
        Assert.Equal(["c"], Names(informer.ByIndex<ConfigMap>("value", "7")));
        Assert.Equal(3, informer.List<ConfigMap>("default").Count);
    }

    [Fact]
    public void A_server_that_does_not_answer_is_asked_ever_more_rarely()
    {
        _server.Intercept = _ => throw new TransportException("refused (planted)");
        Start(new InformerOptions { Jitter = () => 0 });

        _world.Run(TimeSpan.FromMinutes(5));

        // After 0.8, 1.6, 3.2, 6.4, 12.8, 25.6 and then each 30 s.
        Assert.Equal(15, _server.Requests.Count);
    }

    [Fact]
    public void Metadata_alone_is_kept_where_it_is_asked_for()
    {
        _server.Put(ConfigMap("a", "1"));
        var informer = Start(new InformerOptions { IsMetadataOnly = true }, log: false);

        _world.RunUntil(() => informer.HasSynced, Long);

        var item = Assert.IsType<MetadataObject>(informer.Get("default", "a"));
        Assert.Equal(new GroupVersionKind("", "v1", "ConfigMap"), item.GroupVersionKind);
        Assert.All(_server.Requests, request => Assert.Contains("PartialObjectMetadata", request.Accept));
    }

    [Fact]
    public void Who_changes_a_shared_object_is_found_out()
    {
        _server.Put(ConfigMap("a", "1"));
        var informer = Start(new InformerOptions { DetectsMutations = true });
        _world.RunUntil(() => informer.HasSynced, Long);
        Assert.Null(informer.FindMutated());

        ((ConfigMap)informer.Get("default", "a")!).Data!["value"] = "changed";

        Assert.Equal(new NamespacedName("default", "a"), informer.FindMutated());
    }

    [Fact]
    public void Under_every_fault_the_store_ends_up_as_the_server_and_each_handler_saw_a_whole_history()
    {
        for (int seed = 0; seed < 200; seed++)
            RunUnderFaults(seed);
    }

    private static void RunUnderFaults(int seed)
    {
        var world = new VirtualWorld(seed);
        using var stop = new CancellationTokenSource();
        var server = new FakeApiServer(world, new Faults
        {
            LostRequest = 0.1,
            LostAnswer = 0.1,
            Refusal = 0.1,
            LostWatch = 0.1,
            Compaction = 0,
            StaleList = 0.5,
            Latency = TimeSpan.FromMilliseconds(50),
            RefusesWatchList = seed % 3 == 0,
        });
        var options = new InformerOptions { Jitter = world.Random.NextDouble, DetectsMutations = true, UsesWatchList = seed % 2 == 0 };
        var informer = new Informer(
            new ApiClient(server, new ApiClientOptions { Time = world.Time }), ApiClient.ResourceOf<ConfigMap>(), options);
        var mirror = new Dictionary<NamespacedName, IKubernetesObject>();
        long newest = 0;
        informer.AddHandler(change => Follow(mirror, change));
        informer.AddHandler(_ =>
        {
            Assert.True(informer.SeenResourceVersion >= newest, $"seed {seed}: went back from {newest} to {informer.SeenResourceVersion}");
            newest = informer.SeenResourceVersion;
        });
        world.Spawn(() => informer.RunAsync(stop.Token));

        for (int step = 0; step < 150; step++)
        {
            string name = $"c{world.Random.Next(8)}";
            if (world.Random.Next(4) == 0)
                server.Erase<ConfigMap>("default", name);
            else
                server.Put(ConfigMap(name, $"{step}"));
            if (world.Random.Next(25) == 0)
                server.Compact();
            if (world.Random.Next(25) == 0)
                server.BreakWatches();
            world.Run(TimeSpan.FromMilliseconds(world.Random.Next(300)));
        }
        server.Faults = Faults.None;
        var last = server.Put(ConfigMap("last", "1"));
        world.RunUntil(() => informer.Get(last.Key) is not null, TimeSpan.FromMinutes(10), $"seed {seed}: the last write in the store");

        var expected = server.All<ConfigMap>().ToDictionary(item => item.Key, item => item.ResourceVersion);
        Assert.Equal(expected, informer.List<ConfigMap>().ToDictionary(item => item.Key, item => item.ResourceVersion));
        Assert.Equal(expected, mirror.ToDictionary(entry => entry.Key, entry => entry.Value.ResourceVersion));
        Assert.Null(informer.FindMutated());
        stop.Cancel();
        world.Run(TimeSpan.FromSeconds(1));
    }

    // Adds only what is new, changes and removes only what was told before, and each old state is the one told last.
    private static void Follow(Dictionary<NamespacedName, IKubernetesObject> mirror, InformerChange change)
    {
        var key = change.Current.Key;
        switch (change.Type)
        {
            case InformerChangeType.Added:
                mirror.Add(key, change.New!);
                break;
            case InformerChangeType.Updated:
                Assert.Same(mirror[key], change.Old);
                Assert.Equal(change.Old!.Uid, change.New!.Uid);
                mirror[key] = change.New!;
                break;
            default:
                Assert.Equal(mirror[key].Uid, change.Old!.Uid);
                mirror.Remove(key);
                break;
        }
    }

    private Informer Start(InformerOptions options, bool log = true)
    {
        var client = new ApiClient(_server, new ApiClientOptions { Time = _world.Time });
        var informer = new Informer(client, ApiClient.ResourceOf<ConfigMap>(), options);
        if (log)
            informer.AddHandler(Log);
        _world.Spawn(() => informer.RunAsync(_stop.Token));
        return informer;
    }

    private void Log(InformerChange change) => _log.Add(change.Type switch
    {
        InformerChangeType.Added => $"+{change.New!.Name}={Value(change.New!)}{(change.IsInitial ? " initial" : "")}",
        InformerChangeType.Updated => $"{change.New!.Name}:{Value(change.Old!)}->{Value(change.New!)}",
        _ => $"-{change.Old!.Name}={Value(change.Old!)}{(change.IsFinalStateUnknown ? " unknown" : "")}",
    });

    private static string Value(IKubernetesObject item) => ((ConfigMap)item).Data.OrEmpty().GetValueOrDefault("value", "");

    private static IEnumerable<string> Names(IEnumerable<IKubernetesObject> items) => items.Select(item => item.Name);

    private static ConfigMap ConfigMap(string name, string value) => new()
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = name },
        Data = new Dictionary<string, string> { ["value"] = value },
    };

    private static ConfigMap Owned(string name, string? owner)
    {
        var item = ConfigMap(name, "1");
        if (owner is not null)
        {
            item.Metadata.OwnerReferences =
                [new OwnerReference { ApiVersion = "v1", Kind = "ConfigMap", Name = "o", Uid = owner, Controller = true }];
        }
        return item;
    }
}
