using System.Collections.Immutable;
using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.DaemonSets;

/// <summary>One look at one DaemonSet.</summary>
internal sealed class DaemonLook
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(15);

    private readonly DaemonSet _set;
    private readonly ReconcileInput _input;
    private readonly RevisionHistory _history;
    private readonly List<Intent> _intents;
    private readonly List<(Node Node, bool ShouldRun, bool MayStay)> _nodes;
    private readonly Dictionary<string, List<Pod>> _podsByNode = [];
    private readonly List<string> _nodesToFill = [];
    private readonly List<Pod> _podsToDelete = [];
    private readonly Dictionary<string, FailedPods> _failures = [];
    private DateTimeOffset? _requeueAt;

    /// <summary>How often a node's pod failed, and when it is replaced next.</summary>
    private sealed record FailedPods(int Count, DateTimeOffset NextAt, string LastUid);

    private sealed record Memory(ImmutableDictionary<string, FailedPods> Failures);

    public DaemonLook(
        DaemonSet set, OwnershipClaim<Pod> pods, OwnershipClaim<ControllerRevision> revisions, ReconcileInput input)
    {
        _set = set;
        _input = input;
        _intents = [.. pods.Intents, .. revisions.Intents];
        _history = new RevisionHistory(set, set.Spec.Template, revisions.Owned, set.Status.CollisionCount,
            name => input.Cache.Get<ControllerRevision>(set.Namespace, name) is not null, RevisionHistory.RevisionLabel);
        _intents.AddRange(_history.Intents);
        var fit = new DaemonFit(set.Spec.Template);
        _nodes = input.Cache.List<Node>().OrderBy(node => node.Name, StringComparer.Ordinal)
            .Select(node => (node, fit.Of(node).ShouldRun, fit.Of(node).MayStay)).ToList();
        foreach (var pod in pods.Owned.OrderBy(pod => pod.Metadata.CreationTimestamp).ThenBy(pod => pod.Name, StringComparer.Ordinal))
        {
            string node = DaemonPods.TargetNode(pod);
            if (!_podsByNode.TryGetValue(node, out var list))
                _podsByNode.Add(node, list = []);
            list.Add(pod);
        }
    }

    private string Hash => _history.Hash;

    private int MinReadySeconds => _set.Spec.MinReadySeconds ?? 0;

    public Decision Decide()
    {
        foreach (var (node, shouldRun, mayStay) in _nodes)
            Manage(node, shouldRun, mayStay);
        RemoveStranded();
        // Only a set whose nodes are all as they should be moves on to the next revision.
        if (_nodesToFill.Count == 0 && _podsToDelete.Count == 0 && _set.Spec.UpdateStrategy?.Type is null or "RollingUpdate")
            RollingUpdate();
        var status = StatusUpdate();
        _intents.AddRange(Sync());
        var inUse = _podsByNode.Values.SelectMany(pods => pods)
            .Select(pod => $"{_set.Name}-{pod.Labels.GetValueOrDefault(RevisionHistory.RevisionLabel)}").ToHashSet();
        _intents.AddRange(_history.CleanUp(inUse, _set.Spec.RevisionHistoryLimit ?? 10));
        if (status is not null)
            _intents.Insert(_intents.FindLastIndex(intent => _history.Intents.Contains(intent)) + 1, status);
        return new Decision
        {
            Intents = _intents,
            RequeueAt = _requeueAt,
            Memory = _failures.Count == 0 ? null : new Memory(_failures.ToImmutableDictionary()),
        };
    }

    private IReadOnlyList<Pod> PodsOn(string node) => _podsByNode.TryGetValue(node, out var pods) ? pods : [];

    private void Manage(Node node, bool shouldRun, bool mayStay)
    {
        var pods = PodsOn(node.Name);
        if (shouldRun && pods.Count == 0)
            _nodesToFill.Add(node.Name);
        else if (!mayStay)
            _podsToDelete.AddRange(pods.Where(pod => !pod.IsBeingDeleted));
        else
            ManageExisting(node, pods);
    }

    private void ManageExisting(Node node, IReadOnlyList<Pod> pods)
    {
        var running = new List<Pod>();
        foreach (var pod in pods.Where(pod => !pod.IsBeingDeleted))
        {
            if (pod.IsFailed())
                Replace(node, pod);
            else if (pod.IsSucceeded())
            {
                Note("Normal", "SucceededDaemonPod", "Found succeeded daemon pod {0} on node {1}, will try to delete it", pod, node);
                _podsToDelete.Add(pod);
            }
            else
                running.Add(pod);
        }
        if (running.Count > 1)
            RemoveSurplus(running, pods.Count > running.Count);
    }

    private void Replace(Node node, Pod pod)
    {
        var known = (_input.Memory as Memory)?.Failures.GetValueOrDefault(node.Name);
        if (known is null || known.LastUid != pod.Uid)
        {
            int count = known is null || _input.Now - known.NextAt > 2 * LongestRetry ? 0 : known.Count;
            double wait = Math.Min(LongestRetry.TotalSeconds, FirstRetry.TotalSeconds * Math.Pow(2, Math.Min(count - 1, 20)));
            known = new FailedPods(count + 1, count == 0 ? _input.Now : _input.Now.AddSeconds(wait), pod.Uid);
        }
        _failures[node.Name] = known;
        if (known.NextAt > _input.Now)
        {
            Requeue(known.NextAt);
            return;
        }
        Note("Warning", "FailedDaemonPod", "Found failed daemon pod {0} on node {1}, will try to kill it", pod, node);
        _podsToDelete.Add(pod);
    }

    private void Note(string type, string reason, string format, Pod pod, Node node) => _intents.Add(new EmitEvent(
        new EventNote(References.To(_set), type, reason, string.Format(System.Globalization.CultureInfo.InvariantCulture,
            format, $"{pod.Namespace}/{pod.Name}", node.Name))));

    /// <summary>Several pods on a node: the oldest stays; in a surge, the oldest of either revision.</summary>
    private void RemoveSurplus(List<Pod> running, bool hasOthers)
    {
        if (MaxSurge() == 0)
        {
            _podsToDelete.AddRange(running.Skip(1));
            return;
        }
        var oldestNew = running.FirstOrDefault(IsNew);
        var oldestOld = running.FirstOrDefault(pod => !IsNew(pod));
        _podsToDelete.AddRange(running.Where(pod => pod != oldestNew && pod != oldestOld));
        // Once the new pod serves, the old one has done its work.
        if (oldestNew is not null && oldestOld is not null && oldestNew.IsAvailable(MinReadySeconds, _input.Now))
            _podsToDelete.Add(oldestOld);
    }

    /// <summary>Pods that wait for a node that is gone.</summary>
    private void RemoveStranded()
    {
        var names = _nodes.Select(entry => entry.Node.Name).ToHashSet();
        foreach (var (node, pods) in _podsByNode)
        {
            if (node.Length > 0 && !names.Contains(node))
                _podsToDelete.AddRange(pods.Where(pod => !pod.IsScheduled() && !pod.IsBeingDeleted));
        }
    }

    private int Desired => _nodes.Count(entry => entry.ShouldRun);

    private int MaxSurge() => (_set.Spec.UpdateStrategy?.RollingUpdate?.MaxSurge ?? IntOrString.FromInt(0))
        .Scaled(Desired, roundUp: true);

    private int MaxUnavailable() => (_set.Spec.UpdateStrategy?.RollingUpdate?.MaxUnavailable ?? IntOrString.FromInt(1))
        .Scaled(Desired, roundUp: true);

    private bool IsNew(Pod pod) => pod.Labels.GetValueOrDefault(RevisionHistory.RevisionLabel) == Hash;

    private void RollingUpdate()
    {
        int surge = MaxSurge();
        int unavailable = MaxUnavailable();
        if (surge == 0 && unavailable == 0)
            unavailable = 1;
        if (surge == 0)
            ReplaceInPlace(unavailable);
        else
            Surge(surge);
    }

    /// <summary>The new and the old pod of a node; null if there are more than these.</summary>
    private (Pod? New, Pod? Old)? PairOn(IReadOnlyList<Pod> pods)
    {
        var live = pods.Where(pod => !pod.IsBeingDeleted).ToList();
        var fresh = live.Where(IsNew).ToList();
        var old = live.Where(pod => !IsNew(pod)).ToList();
        return fresh.Count > 1 || old.Count > 1 ? null : (fresh.FirstOrDefault(), old.FirstOrDefault());
    }

    private void ReplaceInPlace(int maxUnavailable)
    {
        int unavailable = 0;
        var candidates = new List<Pod>();
        foreach (var (node, _, _) in _nodes.Where(entry => entry.ShouldRun))
        {
            switch (PairOn(PodsOn(node.Name)))
            {
                case (null, { } old) when !old.IsAvailable(MinReadySeconds, _input.Now):
                    // It serves nobody: replacing it costs nothing.
                    _podsToDelete.Add(old);
                    unavailable++;
                    break;
                case (null, { } old):
                    candidates.Add(old);
                    break;
                case ({ } fresh, null) when fresh.IsAvailable(MinReadySeconds, _input.Now):
                    break;
                default:
                    unavailable++;
                    break;
            }
        }
        _podsToDelete.AddRange(candidates.Take(Math.Max(0, maxUnavailable - unavailable)));
    }

    private void Surge(int maxSurge)
    {
        int surging = 0;
        var candidates = new List<string>();
        foreach (var (node, _, _) in _nodes.Where(entry => entry.ShouldRun))
        {
            switch (PairOn(PodsOn(node.Name)))
            {
                case (null, { } old) when !old.IsAvailable(MinReadySeconds, _input.Now):
                    _nodesToFill.Add(node.Name);
                    break;
                case (null, not null):
                    candidates.Add(node.Name);
                    break;
                case ({ } fresh, { } old) when fresh.IsAvailable(MinReadySeconds, _input.Now):
                    _podsToDelete.Add(old);
                    break;
                case (not null, null):
                    break;
                default:
                    surging++;
                    break;
            }
        }
        _nodesToFill.AddRange(candidates.Take(Math.Max(0, maxSurge - surging)));
    }

    private IEnumerable<Intent> Sync()
    {
        var creates = _nodesToFill.Take(DaemonSetController.BurstLimit).Select(Intent (node) => new Create(DaemonPods.Make(_set, node, Hash))
        {
            OnSuccess = EventNote.About(_set, "SuccessfulCreate", "Created pod: {name}"),
            OnFailure = EventNote.WarningAbout(_set, "FailedCreate", "Error creating: {error}"),
        }).ToList();
        var deletes = _podsToDelete.Distinct().Take(DaemonSetController.BurstLimit).Select(Intent (pod) => new Delete(ObjectRef.To(pod))
        {
            OnSuccess = EventNote.About(_set, "SuccessfulDelete", $"Deleted pod: {pod.Name}"),
            OnFailure = EventNote.WarningAbout(_set, "FailedDelete", "Error deleting: {error}"),
        }).ToList();
        if (creates.Count > 0)
            yield return new Batch(creates, IsSlowStart: true) { ContinueOnFailure = true };
        if (deletes.Count > 0)
            yield return new Batch(deletes) { ContinueOnFailure = true };
    }

    private Update? StatusUpdate()
    {
        var changed = _set.DeepClone();
        var status = changed.Status;
        int desired = 0, current = 0, misscheduled = 0, ready = 0, available = 0, updated = 0;
        foreach (var (node, shouldRun, _) in _nodes)
        {
            var pods = PodsOn(node.Name);
            if (!shouldRun)
            {
                misscheduled += pods.Count > 0 ? 1 : 0;
                continue;
            }
            desired++;
            if (pods.Count == 0)
                continue;
            current++;
            // A ready one stands for the node, so that a surge does not hide it.
            var pod = pods.OrderByDescending(pod => pod.IsReady()).First();
            if (pod.IsReady())
            {
                ready++;
                if (pod.IsAvailable(MinReadySeconds, _input.Now))
                    available++;
                else if (pod.AvailableAt(MinReadySeconds, _input.Now) is { } at)
                    Requeue(at);
            }
            if (IsNew(pod))
                updated++;
        }
        status.DesiredNumberScheduled = desired;
        status.CurrentNumberScheduled = current;
        status.NumberMisscheduled = misscheduled;
        status.NumberReady = ready;
        status.NumberAvailable = NullIfZero(available);
        status.NumberUnavailable = NullIfZero(desired - available);
        status.UpdatedNumberScheduled = NullIfZero(updated);
        status.ObservedGeneration = _set.Metadata.Generation;
        status.CollisionCount = _history.CollisionCount;
        return status.DeepEquals(_set.Status) ? null : Update.Status(changed) with { ContinueOnFailure = true };
    }

    private void Requeue(DateTimeOffset at)
    {
        if (_requeueAt is null || at < _requeueAt)
            _requeueAt = at;
    }

    private static int? NullIfZero(int count) => count == 0 ? null : count;
}
