using System.Text;
using System.Threading.Channels;
using KvStore.Grpc;
using V1 = Orchestrator.Cri.V1;

namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>Finds out when containers and sandboxes have changed by themselves.</summary>
/// <remarks>
/// The list is the truth: it is read at intervals and compared with the one before. What the runtime tells by itself makes it
/// sooner: CRI's own events (containerd since 1.7), or containerd's native ones, of which only their coming is used, as they
/// come a moment before the list shows what they tell of. Events are lost when a runtime restarts; a list is not.
/// The first list is told whole: whoever listens may have looked for himself before it, and missed what came between.
/// </remarks>
internal sealed class ContainerWatch : IDisposable
{
    /// <summary>How soon after a native event the list is read, and again: the list lags behind the events.</summary>
    private static readonly TimeSpan[] LooksAfterEvent = [TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(150), TimeSpan.FromMilliseconds(500)];

    /// <summary>Before a broken stream of events is opened again.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly CriConnection _connection;
    private readonly Action<ContainerEvent> _changed;
    private readonly CancellationTokenSource _ended = new();
    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Dictionary<string, (string PodUid, int State)> _seen = [];
    private volatile bool _isToldAll;

    public ContainerWatch(CriConnection connection, Action<ContainerEvent> changed)
    {
        _connection = connection;
        _changed = changed;
        _ = Task.Run(() => RelistAsync(_ended.Token));
        _ = Task.Run(() => ListenAsync(_ended.Token));
    }

    public void Dispose() => _ended.Cancel();

    private async Task RelistAsync(CancellationToken ct)
    {
        int looksLeft = 0;
        try
        {
            while (true)
            {
                try
                {
                    await LookAsync(ct);
                }
                catch (CriException)
                {
                    // The runtime is away; the next look tells what it did meanwhile.
                }
                TimeSpan wait = looksLeft > 0 ? LooksAfterEvent[^looksLeft] : Interval;
                if (await WaitAsync(wait, ct))
                    looksLeft = LooksAfterEvent.Length;
                else
                    looksLeft = Math.Max(0, looksLeft - 1);
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody listens any more.
        }
    }

    private TimeSpan Interval => _isToldAll ? _connection.Options.RelistIntervalBesideEvents : _connection.Options.RelistInterval;

    /// <returns>Whether something woke it before the time was up.</returns>
    private async Task<bool> WaitAsync(TimeSpan time, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using ITimer timer = _connection.Options.Clock.CreateTimer(_ => CancelQuietly(limit), null, time, Timeout.InfiniteTimeSpan);
        try
        {
            await _wakes.Reader.ReadAsync(limit.Token);
            return true;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return false;
        }
    }

    private static void CancelQuietly(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Woken at that very moment.
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        var now = new Dictionary<string, (string PodUid, int State)>();
        foreach (V1.PodSandbox sandbox in (await _connection.CallAsync(CriMethods.ListPodSandbox, new V1.ListPodSandboxRequest(), ct)).Items)
            now[sandbox.Id] = (sandbox.Metadata.Uid, (int)sandbox.State);
        foreach (V1.Container container in (await _connection.CallAsync(CriMethods.ListContainers, new V1.ListContainersRequest(), ct)).Containers)
            now[container.Id] = (container.Labels.GetValueOrDefault(CriLabels.PodUid, ""), (int)container.State);
        Dictionary<string, (string PodUid, int State)> before = _seen;
        _seen = now;
        foreach ((string id, (string podUid, int state)) in now)
        {
            if (!before.TryGetValue(id, out var known) || known.State != state)
                Tell(podUid, id);
        }
        foreach ((string id, (string podUid, _)) in before)
        {
            if (!now.ContainsKey(id))
                Tell(podUid, id);
        }
    }

    private void Tell(string podUid, string id)
    {
        if (podUid.Length > 0)
            _changed(new ContainerEvent(podUid, id));
    }

    private async Task ListenAsync(CancellationToken ct)
    {
        bool hasEvents = true;
        try
        {
            while (true)
            {
                try
                {
                    if (hasEvents)
                        await ListenToCriAsync(ct);
                    else
                        await ListenToContainerdAsync(ct);
                }
                catch (CriException e) when (e.Code == StatusCode.Unimplemented)
                {
                    if (!hasEvents)
                        return; // The list is all there is.
                    hasEvents = false;
                    continue;
                }
                catch (CriException)
                {
                    // The runtime is away.
                }
                finally
                {
                    _isToldAll = false;
                }
                await Task.Delay(Pause, _connection.Options.Clock, ct);
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody listens any more.
        }
    }

    private Task ListenToCriAsync(CancellationToken ct) => _connection.ListenAsync(
        CriMethods.GetContainerEvents,
        new V1.GetEventsRequest(),
        opened: () =>
        {
            _isToldAll = true;
            Wake();
        },
        received: told => Tell(told.PodSandboxStatus?.Metadata?.Uid ?? "", told.ContainerId),
        ct);

    private Task ListenToContainerdAsync(CancellationToken ct) => _connection.ListenAsync(
        CriMethods.ContainerdEvents, TaskFilter(), opened: Wake, received: _ => Wake(), ct);

    private void Wake() => _wakes.Writer.TryWrite(true);

    /// <summary>A SubscribeRequest whose only filter, field 1, wants the ends of the tasks of CRI's containers: what is started, the kubelet has started.</summary>
    private static ReadOnlyMemory<byte> TaskFilter()
    {
        byte[] filter = Encoding.UTF8.GetBytes("namespace==k8s.io,topic~=\"^/tasks/(exit|oom)\"");
        return (byte[])[0x0A, (byte)filter.Length, .. filter];
    }
}
