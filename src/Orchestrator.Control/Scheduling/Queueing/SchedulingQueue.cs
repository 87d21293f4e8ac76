using System.Diagnostics.CodeAnalysis;
using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Plugins;

namespace Orchestrator.Control.Scheduling.Queueing;

/// <summary>Pods that wait for a node: those whose turn it is, those that failed and must pause, those that wait for a change.</summary>
/// <remarks>
/// <code>
/// Add: active. TryPop: being scheduled, and then one of
///   Remove          it has its node
///   Retry           backoff, and when that is over active
///   Failed          unschedulable; a helpful change moves it to backoff, or to active if it paused long enough
/// </code>
/// Active pods come by priority, then by how long they wait. A failed pod pauses 1 s, then 2, 4, 8, 10 at most, counted from
/// its failure, before it is tried again; what wakes it is a change that one of the plugins that turned it away thinks may
/// help. A pod with gates waits until they are gone. Not thread-safe: one owner calls it.
/// </remarks>
public sealed class SchedulingQueue(SchedulerProfile profile)
{
    public static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan BackoffLimit = TimeSpan.FromSeconds(10);

    /// <summary>Whoever waits longer is tried again, whatever changed: hints may be wrong.</summary>
    public static readonly TimeSpan UnschedulableLimit = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, IFilterPlugin> _plugins = profile.Filters.ToDictionary(plugin => plugin.Name);
    private readonly Dictionary<string, QueuedPod> _pods = [];
    private readonly PriorityQueue<(QueuedPod Pod, long Move), (long Priority, long Ticks, long Number)> _active = new();
    private readonly PriorityQueue<(QueuedPod Pod, long Move), (long Ticks, long Number)> _backoff = new();
    private readonly PriorityQueue<(QueuedPod Pod, long Move), (long Ticks, long Number)> _flush = new();
    private readonly Dictionary<string, QueuedPod> _unschedulable = [];
    private int _activeCount;
    private int _backoffCount;
    private long _number;

    /// <summary>All pods that wait or are being scheduled.</summary>
    public int Count => _pods.Count;

    public int ActiveCount => _activeCount;

    public int BackoffCount => _backoffCount;

    public int UnschedulableCount => _unschedulable.Count;

    /// <summary>When <see cref="TryPop"/> may find more than now, if nothing else happens; null: never.</summary>
    public DateTimeOffset? NextDue
    {
        get
        {
            DropMoved(_backoff);
            DropMoved(_flush);
            long? ticks = _backoff.TryPeek(out _, out var due) ? due.Ticks : null;
            if (_flush.TryPeek(out _, out var flush) && (ticks is null || flush.Ticks < ticks))
                ticks = flush.Ticks;
            return ticks is { } value ? new DateTimeOffset(value, TimeSpan.Zero) : null;
        }
    }

    public QueuedPod? Find(string uid) => _pods.GetValueOrDefault(uid);

    /// <summary>A pod without a node has come.</summary>
    public void Add(Pod pod, DateTimeOffset now)
    {
        if (_pods.ContainsKey(pod.Uid))
        {
            Update(pod, now);
            return;
        }
        var queued = new QueuedPod(PodInfo.Of(pod), now);
        _pods.Add(pod.Uid, queued);
        Enqueue(queued, now);
    }

    /// <summary>A waiting pod has changed. What is about its state alone wakes nobody.</summary>
    public void Update(Pod pod, DateTimeOffset now)
    {
        if (!_pods.TryGetValue(pod.Uid, out var queued))
        {
            Add(pod, now);
            return;
        }
        var old = queued.Pod;
        bool isSpecSame = old.Pod.Spec.DeepEquals(pod.Spec) && ClusterChange.SameLabels(old.Labels, pod.Metadata.Labels);
        if (isSpecSame)
        {
            old.Pod = pod;
            return;
        }
        queued.Pod = PodInfo.Of(pod);
        if (queued.Place == QueuePlace.None)
            return;
        if (queued.IsGated)
        {
            Enqueue(queued, now);
            return;
        }
        var change = new ClusterChange(ClusterChangeType.WaitingPodUpdated) { Pod = queued.Pod, OldPod = old };
        if (queued.Place == QueuePlace.Unschedulable && MayHelp(queued, change))
            Wake(queued, now);
        else if (queued.Place == QueuePlace.Active)
            ToActive(queued);
    }

    /// <summary>The pod is gone, or has its node.</summary>
    public void Remove(string uid)
    {
        if (!_pods.Remove(uid, out var queued))
            return;
        Leave(queued);
    }

    /// <summary>Takes the pod whose turn it is. <see cref="Failed"/>, <see cref="Retry"/> or <see cref="Remove"/> follows.</summary>
    public bool TryPop(DateTimeOffset now, [MaybeNullWhen(false)] out QueuedPod pod)
    {
        MoveDue(now);
        while (_active.TryDequeue(out var entry, out _))
        {
            if (entry.Pod.Move != entry.Move)
                continue;
            pod = entry.Pod;
            Leave(pod);
            pod.Attempts++;
            return true;
        }
        pod = null;
        return false;
    }

    /// <summary>There is no node for it now; it waits for a change that these plugins, if any, think helpful.</summary>
    public void Failed(QueuedPod pod, IReadOnlySet<string> refusedBy, DateTimeOffset now)
    {
        if (!IsOurs(pod))
            return;
        pod.RefusedBy = refusedBy;
        pod.QueuedAt = now;
        ToUnschedulable(pod);
    }

    /// <summary>A node was found but something went wrong: it is tried again after a pause.</summary>
    public void Retry(QueuedPod pod, DateTimeOffset now)
    {
        if (!IsOurs(pod))
            return;
        pod.RefusedBy = QueuedPod.NoPlugins;
        pod.QueuedAt = now;
        ToBackoff(pod);
    }

    /// <summary>Wakes one pod: what it waited for will not come.</summary>
    public void Revive(string uid, DateTimeOffset now)
    {
        if (_unschedulable.TryGetValue(uid, out var queued) && !queued.IsGated)
            Wake(queued, now);
    }

    /// <summary>Wakes the pods that a change may help.</summary>
    public void OnChange(in ClusterChange change, DateTimeOffset now)
    {
        if (_unschedulable.Count == 0)
            return;
        List<QueuedPod>? woken = null;
        foreach (var queued in _unschedulable.Values)
        {
            if (!queued.IsGated && MayHelp(queued, change))
                (woken ??= []).Add(queued);
        }
        if (woken is null)
            return;
        foreach (var queued in woken)
            Wake(queued, now);
    }

    /// <summary>How long a pod pauses after so many attempts.</summary>
    internal static TimeSpan Backoff(int attempts)
    {
        var pause = FirstBackoff;
        for (int i = 1; i < attempts && pause < BackoffLimit; i++)
            pause *= 2;
        return pause < BackoffLimit ? pause : BackoffLimit;
    }

    private bool MayHelp(QueuedPod queued, in ClusterChange change)
    {
        if (change.Type == ClusterChangeType.Anything || queued.RefusedBy.Count == 0)
            return true;
        foreach (string name in queued.RefusedBy)
        {
            if (!_plugins.TryGetValue(name, out var plugin) || plugin.MayHelp(queued.Pod, change))
                return true;
        }
        return false;
    }

    private void MoveDue(DateTimeOffset now)
    {
        while (_backoff.TryPeek(out var entry, out var due) && due.Ticks <= now.UtcTicks)
        {
            _backoff.Dequeue();
            if (entry.Pod.Move == entry.Move)
                ToActive(entry.Pod);
        }
        while (_flush.TryPeek(out var entry, out var due) && due.Ticks <= now.UtcTicks)
        {
            _flush.Dequeue();
            if (entry.Pod.Move == entry.Move)
                Wake(entry.Pod, now);
        }
    }

    private void Wake(QueuedPod queued, DateTimeOffset now)
    {
        if (now < queued.QueuedAt + Backoff(queued.Attempts))
            ToBackoff(queued);
        else
            ToActive(queued);
    }

    private void Enqueue(QueuedPod queued, DateTimeOffset now)
    {
        queued.IsGated = queued.Pod.Pod.Spec.SchedulingGates.OrEmpty().Count > 0;
        if (queued.IsGated)
        {
            ToUnschedulable(queued);
            return;
        }
        queued.QueuedAt = now;
        ToActive(queued);
    }

    private void ToActive(QueuedPod queued)
    {
        Enter(queued, QueuePlace.Active);
        _activeCount++;
        _active.Enqueue((queued, queued.Move), (-queued.Pod.Priority, queued.QueuedAt.UtcTicks, _number++));
    }

    private void ToBackoff(QueuedPod queued)
    {
        Enter(queued, QueuePlace.Backoff);
        _backoffCount++;
        var due = queued.QueuedAt + Backoff(queued.Attempts);
        _backoff.Enqueue((queued, queued.Move), (due.UtcTicks, _number++));
    }

    private void ToUnschedulable(QueuedPod queued)
    {
        Enter(queued, QueuePlace.Unschedulable);
        _unschedulable.Add(queued.Pod.Uid, queued);
        if (!queued.IsGated)
            _flush.Enqueue((queued, queued.Move), ((queued.QueuedAt + UnschedulableLimit).UtcTicks, _number++));
    }

    private void Enter(QueuedPod queued, QueuePlace place)
    {
        Leave(queued);
        queued.Place = place;
    }

    private void Leave(QueuedPod queued)
    {
        switch (queued.Place)
        {
            case QueuePlace.Active: _activeCount--; break;
            case QueuePlace.Backoff: _backoffCount--; break;
            case QueuePlace.Unschedulable: _unschedulable.Remove(queued.Pod.Uid); break;
        }
        queued.Place = QueuePlace.None;
        queued.Move++;
    }

    private bool IsOurs(QueuedPod pod) =>
        pod.Place == QueuePlace.None && _pods.TryGetValue(pod.Pod.Uid, out var known) && known == pod;

    private static void DropMoved(PriorityQueue<(QueuedPod Pod, long Move), (long Ticks, long Number)> heap)
    {
        while (heap.TryPeek(out var entry, out _) && entry.Pod.Move != entry.Move)
            heap.Dequeue();
    }
}
