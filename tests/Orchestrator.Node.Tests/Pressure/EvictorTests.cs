using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Pressure;
using Orchestrator.Runtime.Tests.Nodes;
using static Orchestrator.Node.Tests.Pressure.Given;

namespace Orchestrator.Node.Tests.Pressure;

/// <summary>What a node does about pressure.</summary>
public sealed class EvictorTests : IDisposable
{
    private static readonly NodeSignals Enough = Signals((EvictionSignal.MemoryAvailable, 200, 1000), (EvictionSignal.NodeDiskAvailable, 200, 1000), (EvictionSignal.ImageDiskAvailable, 200, 1000));
    private static readonly NodeSignals LittleMemory = Signals((EvictionSignal.MemoryAvailable, 50, 1000), (EvictionSignal.NodeDiskAvailable, 200, 1000));
    private static readonly NodeSignals LittleDisk = Signals((EvictionSignal.MemoryAvailable, 200, 1000), (EvictionSignal.NodeDiskAvailable, 50, 1000));

    private readonly SteppedTime _clock = new();
    private readonly Alarms _alarms;
    private readonly PretendStats _stats = new() { Signals = Enough };
    private readonly List<Evictable> _pods = [];
    private readonly List<string> _warnings = [];
    private readonly EvictionSettings _settings = new() { Thresholds = EvictionThresholds.Parse("memory.available<100,nodefs.available<10%,imagefs.available<10%") };
    private NodePressure? _pressure;
    private int _reclaims;
    private Action _reclaiming = () => { };

    public EvictorTests() => _alarms = new Alarms(_clock);

    public void Dispose() => _alarms.Dispose();

    [Fact]
    public async Task One_pod_goes_at_a_time_and_no_critical_one()
    {
        _stats.Signals = LittleMemory;
        Add("critical", 900, isCritical: true);
        Add("large", 500);
        Add("small", 5);

        var evicted = await New().LookAsync(CancellationToken.None);

        Assert.Equal(["large"], evicted.Select(pod => pod.Pod.Name));
        Assert.Equal(
            ("The node was low on resource: memory. Threshold quantity: 100, available: 50. Container main was using 500, request is 0, has larger consumption of memory. ", true),
            Find("large").Eviction);
        Assert.Null(Find("small").Eviction);
        Assert.Equal(["EvictionThresholdMet: Attempting to reclaim memory"], _warnings);
        Assert.Equal(["MemoryPressure"], _pressure!.Conditions);
        Assert.Empty(_stats.Counted); // Files cost time to count, and tell nothing of memory.
        Assert.Equal(0, _reclaims);
    }

    [Fact]
    public async Task A_short_disk_is_freed_of_what_nobody_needs_before_a_pod_goes()
    {
        _stats.Signals = LittleDisk;
        Add("web", 1);
        _reclaiming = () => _stats.Signals = Enough;

        Assert.Empty(await New().LookAsync(CancellationToken.None));

        Assert.Equal((1, null), (_reclaims, Find("web").Eviction));
        Assert.Equal(["DiskPressure"], _pressure!.Conditions);
    }

    [Fact]
    public async Task Where_that_is_not_enough_the_largest_pod_goes()
    {
        _stats.Signals = LittleDisk;
        Add("web", 1);
        Add("hoarder", 1, disk: 700);

        Assert.Equal(["hoarder"], (await New().LookAsync(CancellationToken.None)).Select(pod => pod.Pod.Name));
        Assert.Equal(1, _reclaims);
        Assert.Equal(["web", "hoarder"], _stats.Counted);
    }

    [Fact]
    public async Task Images_on_a_disk_of_their_own_do_not_help_that_of_volumes()
    {
        _stats.Signals = LittleDisk with { HasImageDisk = true };
        Add("web", 1, disk: 1);

        Assert.Single(await New().LookAsync(CancellationToken.None));
        Assert.Equal(0, _reclaims);
    }

    [Fact]
    public async Task A_pod_beyond_its_own_limit_goes_though_the_node_has_enough()
    {
        Add("limited", 1, disk: 2000, change: pod => pod.Spec.Containers![0].Resources = new ResourceRequirements { Limits = new() { ["ephemeral-storage"] = Quantity.Parse("1k") } });
        Add("free", 1, disk: 5000);

        Assert.Equal(["limited"], (await New().LookAsync(CancellationToken.None)).Select(pod => pod.Pod.Name));

        Assert.Equal(("Pod ephemeral local storage usage exceeds the total limit of containers 1k. ", false), Find("limited").Eviction);
        Assert.Equal(["limited"], _stats.Counted);
        Assert.Empty(_pressure!.Conditions);
        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task The_next_pod_goes_only_when_the_last_is_gone()
    {
        _stats.Signals = LittleMemory;
        Add("large", 500);
        Add("small", 5);
        using var stopping = new CancellationTokenSource();
        Task running = Task.Run(() => New().RunAsync(stopping.Token));

        await HollowCluster.UntilAsync(() => Find("large").Eviction is not null, "the larger one goes");
        for (int second = 0; second < 5; second++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        Assert.Null(Find("small").Eviction);
        Find("large").HasEnded = true;
        await AdvanceUntilAsync(() => Find("small").Eviction is not null);

        await stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private async Task AdvanceUntilAsync(Func<bool> condition)
    {
        await HollowCluster.UntilAsync(
            () =>
            {
                if (!condition())
                    _clock.Advance(TimeSpan.FromSeconds(1));
                return condition();
            },
            "it happens");
    }

    private Evictor New()
    {
        _pressure = new NodePressure(_settings.Thresholds, _settings.TransitionPeriod);
        return new Evictor(_settings, new EvictionSurroundings
        {
            Stats = _stats,
            Pressure = _pressure,
            Pods = () => [.. _pods.Where(pod => pod.Eviction is null)],
            ReclaimDiskAsync = _ =>
            {
                _reclaims++;
                _reclaiming();
                return Task.CompletedTask;
            },
            Warn = (reason, message) => _warnings.Add($"{reason}: {message}"),
            Alarms = _alarms,
        });
    }

    private void Add(string name, long memory, long disk = 0, bool isCritical = false, Action<Pod>? change = null)
    {
        _pods.Add(new Evictable(Pod(name, change)) { IsCritical = isCritical });
        _stats.Uses[name] = new PodUse([new ContainerUse("main", memory, default, default)], 1, new DiskUse(disk, 1));
    }

    private Evictable Find(string name) => _pods.Single(pod => pod.Pod.Name == name);
}
