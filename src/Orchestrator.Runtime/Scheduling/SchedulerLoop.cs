using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Reconciling;
using Orchestrator.Control.Scheduling;
using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Plugins;
using Orchestrator.Control.Scheduling.Queueing;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Events;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.WorkQueues;

namespace Orchestrator.Runtime.Scheduling;

/// <summary>The one owner of the scheduler's state: takes changes in, decides for one pod after the other, has them bound.</summary>
/// <remarks>
/// Changes and results of bindings come through one inbox, in order. A pod is assumed on its node as soon as it is decided;
/// the binding goes its way beside the next decisions, and a failed one gives the place back. A pod whose claims have no volumes yet
/// keeps its place while they are bound or made there: what it gets is assumed too, then written, and seen before the pod is bound.
/// </remarks>
internal sealed class SchedulerLoop
{
    private readonly ApiClient _client;
    private readonly SchedulerOptions _options;
    private readonly EventRecorder _events;
    private readonly PodWriter _writer;
    private readonly ClusterState _cluster = new();
    private readonly StorageState _storage = new();
    private readonly VolumeWaits _volumeWaits = new();
    private readonly SchedulerProfile _profile;
    private readonly VolumeBindingPlugin _volumes;
    private readonly SchedulingQueue _queue;
    private readonly Scheduler _scheduler;
    private readonly SchedulerInbox _inbox = new();

    private readonly List<Informer> _informers = [];
    private long _boundCount;
    private volatile bool _isWorking;
    private CancellationToken _stopping;

    public SchedulerLoop(ApiClient client, InformerFactory informers, SchedulerOptions options)
    {
        _client = client;
        _options = options;
        _profile = SchedulerProfile.Default(_storage);
        _volumes = _profile.Filters.OfType<VolumeBindingPlugin>().Single();
        _queue = new SchedulingQueue(_profile);
        _scheduler = new Scheduler(_cluster, _profile, options.Seed);
        _events = new EventRecorder(
            client, new EventRecorderOptions { Component = options.Name, QueueLimit = 20_000, Jitter = options.Jitter });
        _writer = new PodWriter(client, options.WriteLimit);
        Follow<Node>(informers, TakeNode);
        Follow<Pod>(informers, TakePod);
        Follow<Namespace>(informers, TakeNamespace);
        Follow<PodDisruptionBudget>(informers, TakeBudget);
        Follow<PersistentVolumeClaim>(informers, TakeClaim);
        Follow<PersistentVolume>(informers, TakeVolume);
        Follow<StorageClass>(informers, TakeClass);
        Follow<Service>(informers, TakeService);
        Follow<ReplicaSet>(informers, (old, now) => TakeOwner("ReplicaSet", old, now, now?.Spec.Selector));
        Follow<StatefulSet>(informers, (old, now) => TakeOwner("StatefulSet", old, now, now?.Spec.Selector));
        Follow<ReplicationController>(informers, (old, now) => TakeOwner("ReplicationController", old, now,
            now?.Spec.Selector is { Count: > 0 } labels ? new Orchestrator.Api.MetaV1.LabelSelector { MatchLabels = labels } : null));
    }

    public bool IsWorking => _isWorking;

    public long BoundCount => Interlocked.Read(ref _boundCount);

    public Task RunAsync(CancellationToken cancellation) =>
        Loops.RunTogetherAsync([_events.RunAsync, DecideAsync], cancellation);

    private async Task DecideAsync(CancellationToken cancellation)
    {
        _stopping = cancellation;
        foreach (var informer in _informers)
            await informer.WaitForSyncAsync(cancellation);
        _isWorking = true;
        try
        {
            while (!cancellation.IsCancellationRequested)
            {
                TakeInbox();
                EndOverdueWaits();
                if (_queue.TryPop(_client.Time.GetUtcNow(), out var pod))
                {
                    ScheduleOne(pod, cancellation);
                    await _writer.WaitForRoomAsync(cancellation);
                    continue;
                }
                await WaitAsync(cancellation);
            }
        }
        finally
        {
            _isWorking = false;
        }
    }

    private void TakeInbox()
    {
        while (_inbox.TryTake(out var act))
            act();
    }

    // Until something comes in, or a pod's pause is over.
    private async Task WaitAsync(CancellationToken cancellation)
    {
        var due = _queue.NextDue;
        if (_volumeWaits.NextDeadline is { } deadline && (due is null || deadline < due))
            due = deadline;
        if (due is null)
        {
            await _inbox.WaitAsync(cancellation);
            return;
        }
        var delay = due.Value - _client.Time.GetUtcNow();
        if (delay <= TimeSpan.Zero)
            return;
        using var limit = new CancellationTokenSource(RoundUp(delay), _client.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await _inbox.WaitAsync(both.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // It is due.
        }
    }

    private static TimeSpan RoundUp(TimeSpan delay) => TimeSpan.FromMilliseconds(Math.Ceiling(delay.TotalMilliseconds));

    // Decisions

    private void ScheduleOne(QueuedPod queued, CancellationToken cancellation)
    {
        var pod = queued.Pod;
        if (pod.Pod.IsBeingDeleted)
        {
            _queue.Remove(pod.Uid);
            _cluster.Nominations.Remove(pod.Uid);
            return;
        }
        var result = _scheduler.Schedule(pod);
        if (result.Node is { } node)
        {
            _cluster.Nominations.Remove(pod.Uid);
            var choice = pod.HasClaims ? _volumes.Reserve(node) : VolumeChoice.Nothing;
            _cluster.Assume(pod, node.Name);
            if (choice.IsEmpty)
                _ = BindAsync(queued, pod, node.Name, cancellation);
            else
                AwaitVolumes(queued, pod, node.Name, choice);
            return;
        }
        var error = result.Error!;
        _queue.Failed(queued, error.Plugins, _client.Time.GetUtcNow());
        string? nominatedNode = result.NoFit is { } answer ? Nominate(pod, answer, cancellation) : null;
        TellFailure(pod.Pod, "Unschedulable", error.Message, nominatedNode, cancellation);
    }

    /// <returns>The node that is kept for the pod from now on; empty for none, null for no change.</returns>
    private string? Nominate(PodInfo pod, NoFitAnswer answer, CancellationToken cancellation)
    {
        if (answer.Preemption is not { } plan)
        {
            if (!answer.ClearsNomination)
                return null;
            _cluster.Nominations.Remove(pod.Uid);
            return "";
        }
        foreach (var displaced in _cluster.Nominations.After(pod, plan.Node.Name))
        {
            _cluster.Nominations.Remove(displaced.Uid);
            _ = _writer.ClearNominationAsync(displaced.Pod, cancellation);
        }
        _cluster.Nominations.Set(pod, plan.Node.Name);
        _ = EvictAsync(pod, plan.Node.Name, [.. plan.Victims.Select(victim => victim.Pod)], cancellation);
        return plan.Node.Name;
    }

    // Runs beside the loop. The pod comes up again when the victims are gone.
    private async Task EvictAsync(PodInfo pod, string nodeName, IReadOnlyList<Pod> victims, CancellationToken cancellation)
    {
        try
        {
            foreach (var victim in victims)
            {
                await _writer.EvictAsync(victim, _options.Name, cancellation);
                _options.Log.LogInformation("{Pod} on {Node} makes room for {Preemptor}", victim.Key, nodeName, pod.Key);
                _events.Note(References.To(victim), EventNote.Normal, "Preempted", $"Preempted by pod {pod.Uid} on node {nodeName}", "Preempting");
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end.
        }
        catch (Exception fault) when (fault is ApiException or TransportException)
        {
            _options.Log.LogWarning("{Pod} found no room on {Node}: {Message}", pod.Key, nodeName, fault.Message);
            _inbox.Post(() => _queue.Revive(pod.Uid, _client.Time.GetUtcNow()));
        }
    }

    // Runs beside the loop; whatever changes its state goes through the inbox.
    private async Task BindAsync(QueuedPod queued, PodInfo pod, string nodeName, CancellationToken cancellation)
    {
        try
        {
            var decided = _client.Time.GetUtcNow();
            await _writer.BindAsync(pod.Pod, nodeName, cancellation);
            Interlocked.Increment(ref _boundCount);
            // The kubelet may start it before the answer is here; what it tells comes behind this all the same.
            _events.Note(
                References.To(pod.Pod), EventNote.Normal, "Scheduled", $"Successfully assigned {pod.Key} to {nodeName}", "Binding", at: decided);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end.
        }
        catch (ApiException refusal) when (refusal.Status.Code is < 500 and not 409)
        {
            _inbox.Post(() => TakeFailedBinding(queued, pod, refusal.IsNotFound, refusal.Message, cancellation));
        }
        catch (Exception fault) when (fault is ApiException or TransportException)
        {
            // Bound or not, by this request or an earlier one: only the API knows. Until it says, the place stays taken.
            await FindOutAsync(queued, pod, fault.Message, cancellation);
        }
    }

    private async Task FindOutAsync(QueuedPod queued, PodInfo pod, string message, CancellationToken cancellation)
    {
        try
        {
            var shown = await _writer.ReadAsync(pod.Pod, cancellation);
            if (string.IsNullOrEmpty(shown?.Spec.NodeName))
                _inbox.Post(() => TakeFailedBinding(queued, pod, isGone: shown is null, message, cancellation));
            else
                _inbox.Post(() => TakeFoundBinding(shown));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end.
        }
    }

    private void TakeFoundBinding(Pod shown)
    {
        // The watch may have told all of it already, the pod's end included.
        if (_queue.Find(shown.Uid) is not null)
            TakeAssignedPod(shown);
    }

    private void TakeFailedBinding(QueuedPod queued, PodInfo pod, bool isGone, string message, CancellationToken cancellation)
    {
        bool wasAssumed = _cluster.IsAssumed(pod.Uid);
        _cluster.Forget(pod.Uid);
        if (wasAssumed)
            _queue.OnChange(new ClusterChange(ClusterChangeType.PodGone) { Pod = pod }, _client.Time.GetUtcNow());
        if (isGone)
        {
            _queue.Remove(pod.Uid);
            return;
        }
        // Where the watch shows the pod on a node already, the queue knows it no more and this does nothing.
        _queue.Retry(queued, _client.Time.GetUtcNow());
        if (_queue.Find(pod.Uid) is not null)
            TellFailure(pod.Pod, "SchedulerError", message, null, cancellation);
    }

    // Volumes

    private void AwaitVolumes(QueuedPod queued, PodInfo pod, string nodeName, VolumeChoice choice)
    {
        var wait = new VolumeWait(queued, pod, nodeName, choice, choice.Writes(nodeName), _client.Time.GetUtcNow() + _options.VolumeLimit);
        _volumeWaits.Add(wait);
        foreach (var write in wait.Writes)
            _storage.Assume(write);
        _ = WriteVolumesAsync(wait, _stopping);
    }

    // Runs beside the loop; whatever changes its state goes through the inbox.
    private async Task WriteVolumesAsync(VolumeWait wait, CancellationToken cancellation)
    {
        try
        {
            foreach (var write in wait.Writes)
            {
                var written = await _writer.UpdateAsync(write, cancellation);
                _inbox.Post(() => _storage.Learn(written));
            }
            _inbox.Post(() =>
            {
                wait.IsWritten = true;
                LookAtVolumes(wait);
            });
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end.
        }
        catch (Exception fault) when (fault is ApiException or TransportException)
        {
            // What was written nevertheless is found by the next attempt.
            _inbox.Post(() => FailVolumes(wait, fault.Message));
        }
    }

    private void LookAtVolumes(VolumeWait wait)
    {
        if (!wait.IsWritten || !_volumeWaits.Contains(wait))
            return;
        if (_cluster.FindNode(wait.NodeName) is not { Node: { } node })
        {
            FailVolumes(wait, $"node \"{wait.NodeName}\" not found");
        }
        else if (wait.Choice.IsDone(_storage, node, out string? problem))
        {
            _volumeWaits.Remove(wait.Pod.Uid);
            _ = BindAsync(wait.Queued, wait.Pod, wait.NodeName, _stopping);
        }
        else if (problem is not null)
        {
            FailVolumes(wait, problem);
        }
    }

    private void FailVolumes(VolumeWait wait, string problem)
    {
        foreach (var write in wait.Writes)
            _storage.Forget(write);
        // What the pod was to have others may want.
        _queue.OnChange(new ClusterChange(ClusterChangeType.StorageChanged), _client.Time.GetUtcNow());
        if (!_volumeWaits.Contains(wait))
            return; // The pod is gone.
        _volumeWaits.Remove(wait.Pod.Uid);
        TakeFailedBinding(
            wait.Queued, wait.Pod, isGone: false, $"running PreBind plugin \"{_volumes.Name}\": binding volumes: {problem}", _stopping);
    }

    private void EndOverdueWaits()
    {
        while (_volumeWaits.TryGetOverdue(_client.Time.GetUtcNow(), out var wait))
            FailVolumes(wait, "timed out waiting for the condition");
    }

    private void TellFailure(Pod pod, string reason, string message, string? nominatedNode, CancellationToken cancellation)
    {
        _options.Log.LogDebug("{Pod}: {Message}", pod.Key, message);
        _events.Note(References.To(pod), EventNote.Warning, "FailedScheduling", message, "Scheduling");
        _ = _writer.MarkUnscheduledAsync(pod, reason, message, nominatedNode, cancellation);
    }

    // Changes

    private void Follow<T>(InformerFactory informers, Action<T?, T?> take)
        where T : class, IKubernetesObject<T>
    {
        var informer = informers.For<T>().Informer;
        _informers.Add(informer);
        informer.AddHandler(change => _inbox.Change((T?)change.Old, (T?)change.New, take));
    }

    private void TakeNode(Node? old, Node? now)
    {
        if (now is null)
        {
            _cluster.RemoveNode(old!.Name);
            foreach (var wait in _volumeWaits.On(old!.Name))
                LookAtVolumes(wait);
            return;
        }
        _cluster.SetNode(now);
        if (old == now)
            return;
        var change = new ClusterChange(old is null ? ClusterChangeType.NodeAdded : ClusterChangeType.NodeUpdated)
        {
            Node = _cluster.FindNode(now.Name),
            OldNode = old,
        };
        _queue.OnChange(change, _client.Time.GetUtcNow());
    }

    private void TakePod(Pod? old, Pod? now)
    {
        bool isOver = now is null || now.Status.Phase is "Succeeded" or "Failed";
        var pod = now ?? old!;
        if (isOver)
            TakeGonePod(pod);
        else if (!string.IsNullOrEmpty(pod.Spec.NodeName))
            TakeAssignedPod(pod);
        else if (IsOurs(pod))
            TakeWaitingPod(old, pod);
    }

    private void TakeWaitingPod(Pod? old, Pod pod)
    {
        _queue.Update(pod, _client.Time.GetUtcNow());
        // Our own word comes back here; only what others write over it, or a former life of this scheduler wrote, is news.
        if (pod.Status.NominatedNodeName is { Length: > 0 } node)
            _cluster.Nominations.Set(_queue.Find(pod.Uid)!.Pod, node);
        else if (old?.Status.NominatedNodeName is { Length: > 0 })
            _cluster.Nominations.Remove(pod.Uid);
    }

    private void TakeGonePod(Pod pod)
    {
        _queue.Remove(pod.Uid);
        _volumeWaits.Remove(pod.Uid);
        _cluster.Nominations.Remove(pod.Uid);
        if (_cluster.FindPod(pod.Uid) is not { } known)
            return;
        _cluster.RemovePod(pod.Uid);
        _queue.OnChange(new ClusterChange(ClusterChangeType.PodGone) { Pod = known }, _client.Time.GetUtcNow());
    }

    private void TakeAssignedPod(Pod pod)
    {
        var known = _cluster.FindPod(pod.Uid);
        bool wasAssumed = _cluster.IsAssumed(pod.Uid);
        _cluster.SetPod(pod);
        _cluster.Nominations.Remove(pod.Uid);
        _queue.Remove(pod.Uid);
        _volumeWaits.Remove(pod.Uid); // Somebody else has bound it.
        var now = _cluster.FindPod(pod.Uid)!;
        // Most changes are the kubelet's words about the pod's state; nothing that is counted has changed then.
        if (known == now)
            return;
        var type = known is null || wasAssumed ? ClusterChangeType.PodAssigned : ClusterChangeType.PodUpdated;
        _queue.OnChange(new ClusterChange(type) { Pod = now, OldPod = known }, _client.Time.GetUtcNow());
    }

    // Once a pod was read on its node, what the watch has to say of the time before is old: a pod never leaves its node.
    private bool IsOurs(Pod pod) =>
        (pod.Spec.SchedulerName is null or "" ? SchedulerOptions.DefaultName : pod.Spec.SchedulerName) == _options.Name
        && (_queue.Find(pod.Uid) is not null || (!pod.IsBeingDeleted && _cluster.FindPod(pod.Uid) is null));

    private void TakeNamespace(Namespace? old, Namespace? now)
    {
        if (now is null)
            _cluster.RemoveNamespace(old!.Name);
        else
            _cluster.SetNamespace(now.Name, now.Metadata.Labels);
        if (old is not null && now is not null && old != now)
            _queue.OnChange(new ClusterChange(ClusterChangeType.NamespaceUpdated), _client.Time.GetUtcNow());
    }

    private void TakeBudget(PodDisruptionBudget? old, PodDisruptionBudget? now)
    {
        if (now is null)
            _cluster.RemoveBudget(old!.Key);
        else
            _cluster.SetBudget(now);
    }

    private void TakeClaim(PersistentVolumeClaim? old, PersistentVolumeClaim? now)
    {
        if (now is null)
            _storage.Remove(old!);
        else
            _storage.Set(now);
        if (old == now)
            return;
        var key = (now ?? old)!.Key;
        TellOfClaim(key);
        _queue.OnChange(new ClusterChange(ClusterChangeType.ClaimChanged) { Claim = key }, _client.Time.GetUtcNow());
    }

    private void TakeVolume(PersistentVolume? old, PersistentVolume? now)
    {
        if (now is null)
            _storage.Remove(old!);
        else
            _storage.Set(now);
        if (old == now)
            return;
        foreach (var volume in (PersistentVolume?[])[old, now])
        {
            if (volume?.Spec.ClaimRef is { Namespace: { } ns, Name: { } name })
                TellOfClaim(new NamespacedName(ns, name));
        }
        _queue.OnChange(new ClusterChange(ClusterChangeType.StorageChanged), _client.Time.GetUtcNow());
    }

    private void TellOfClaim(NamespacedName claim)
    {
        foreach (var wait in _volumeWaits.For(claim))
            LookAtVolumes(wait);
    }

    private void TakeClass(StorageClass? old, StorageClass? now)
    {
        if (now is null)
            _storage.Remove(old!);
        else
            _storage.Set(now);
        if (old != now)
            _queue.OnChange(new ClusterChange(ClusterChangeType.StorageChanged), _client.Time.GetUtcNow());
    }

    private void TakeService(Service? old, Service? now)
    {
        if (now is null)
            _cluster.RemoveService(old!.Key);
        else
            _cluster.SetService(now);
    }

    private void TakeOwner(
        string kind, IKubernetesObject? old, IKubernetesObject? now, Orchestrator.Api.MetaV1.LabelSelector? selector)
    {
        if (now is null)
            _cluster.RemoveOwner(kind, old!.Key);
        else
            _cluster.SetOwner(kind, now.Key, selector);
    }
}
