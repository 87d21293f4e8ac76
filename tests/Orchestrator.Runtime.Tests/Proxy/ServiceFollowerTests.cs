using KvStore.Testing.Cluster;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Proxy;

namespace Orchestrator.Runtime.Tests.Proxy;

public sealed class ServiceFollowerTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly MemoryApi _api = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _wakes = new(0);
    private ServiceFollower _follower = null!;
    private Task _running = Task.CompletedTask;

    public Task InitializeAsync()
    {
        var options = new ServiceProxyOptions { NodeName = "node-1", ServiceCidr = "10.96.0.0/16" };
        _follower = new ServiceFollower(_api.Client, options, () => _wakes.Release());
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
        _wakes.Dispose();
    }

    [Fact]
    public async Task What_is_there_at_the_beginning_has_changed()
    {
        _api.Put(Service("a")).Put(Service("b")).Put(Slice("1", "a")).Put(Node("node-1", "z1")).Put(Node("node-2", "z2"));

        await StartAsync();

        Assert.Equal(["default/a", "default/b"], Taken());
        Assert.Equal("z1", _follower.NodeZone);
        Assert.Equal("1", Assert.Single(_follower.SlicesOf(new NamespacedName("default", "a"))).Name);
        Assert.Empty(_follower.SlicesOf(new NamespacedName("default", "b")));
    }

    [Fact]
    public async Task A_slice_that_goes_over_to_another_service_changes_both()
    {
        _api.Put(Service("a")).Put(Service("b")).Put(Slice("1", "a"));
        await StartAsync();
        Taken();

        _api.Put(Slice("1", "b"));

        Assert.Equal(["default/a", "default/b"], await TakenUntilAsync(2));
        Assert.Single(_follower.SlicesOf(new NamespacedName("default", "b")));
    }

    [Fact]
    public async Task What_is_gone_has_changed()
    {
        _api.Put(Service("a")).Put(Slice("1", "a")).Put(Service("b"));
        await StartAsync();
        Taken();

        _api.Delete<EndpointSlice>("default", "1");
        _api.Delete<Service>("default", "b");

        Assert.Equal(["default/a", "default/b"], await TakenUntilAsync(2));
        Assert.Null(_follower.Service(new NamespacedName("default", "b")));
    }

    [Fact]
    public async Task Services_that_are_another_proxys_and_headless_slices_are_not_followed()
    {
        var headless = Slice("1", "a");
        headless.Metadata.Labels!["service.kubernetes.io/headless"] = "";
        var others = Service("b");
        others.Metadata.Labels = new() { [ServiceRules.ProxyNameLabel] = "other" };
        _api.Put(headless).Put(others).Put(Service("c"));

        await StartAsync();

        Assert.Equal(["default/c"], Taken());
    }

    [Fact]
    public async Task Another_zone_wakes_and_other_changes_of_the_node_do_not()
    {
        _api.Put(Node("node-1", "z1"));
        await StartAsync();
        while (_wakes.Wait(0))
        {
        }

        var node = Node("node-1", "z1");
        node.Status.NodeInfo = new NodeSystemInfo { KernelVersion = "6" };
        _api.Put(node).Put(Node("node-1", "z2"));

        Assert.True(await _wakes.WaitAsync(Patience));
        Assert.Equal("z2", _follower.NodeZone);
        Assert.Equal(0, _wakes.CurrentCount);
    }

    private async Task StartAsync()
    {
        _running = _follower.RunAsync(_stop.Token);
        await _follower.WaitForSyncAsync(_stop.Token).WaitAsync(Patience);
    }

    private List<string> Taken() => [.. _follower.TakeChanged().Select(key => key.ToString()).Order(StringComparer.Ordinal)];

    /// <summary>Gathers until so many services have changed.</summary>
    private async Task<List<string>> TakenUntilAsync(int count)
    {
        var all = new SortedSet<string>(StringComparer.Ordinal);
        while (all.Count < count)
        {
            Assert.True(await _wakes.WaitAsync(Patience), $"only {string.Join(", ", all)} have changed");
            all.UnionWith(Taken());
        }
        return [.. all];
    }

    private static Service Service(string name) => new() { Metadata = new ObjectMeta { Namespace = "default", Name = name } };

    private static EndpointSlice Slice(string name, string service) => new()
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = name, Labels = new() { [ServiceRules.ServiceNameLabel] = service } },
        AddressType = "IPv4",
    };

    private static Node Node(string name, string zone) => new()
    {
        Metadata = new ObjectMeta { Name = name, Labels = new() { ["topology.kubernetes.io/zone"] = zone } },
    };
}
