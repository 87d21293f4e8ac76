using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.StatefulSets;

/// <summary>One look at one StatefulSet.</summary>
/// <remarks>Ordered management does one thing a look and waits for its pod to be available; parallel management does all that
/// is to be done for growing and shrinking, yet updates in order all the same.</remarks>
internal sealed class StatefulLook
{
    private const string RevisionHashLabel = "controller.kubernetes.io/hash";

    private readonly StatefulSet _set;
    private readonly ReconcileInput _input;
    private readonly RevisionHistory _history;
    private readonly ControllerRevision _current;
    private readonly List<Intent> _intents;
    private readonly IReadOnlyList<Pod> _pods;
    private readonly Pod?[] _row;
    private readonly List<(int Ordinal, Pod Pod)> _condemned;
    private DateTimeOffset? _requeueAt;

    public StatefulLook(
        StatefulSet set, OwnershipClaim<Pod> pods, OwnershipClaim<ControllerRevision> revisions, ReconcileInput input)
    {
        _set = set;
        _input = input;
        _pods = pods.Owned;
        _intents = [.. pods.Intents, .. revisions.Intents];
        _history = new RevisionHistory(set, set.Spec.Template, revisions.Owned, set.Status.CollisionCount,
            name => input.Cache.Get<ControllerRevision>(set.Namespace, name) is not null, RevisionHashLabel);
        _intents.AddRange(_history.Intents);
        _current = _history.ByAge.FirstOrDefault(revision => revision.Name == set.Status.CurrentRevision) ?? _history.Update;
        _row = new Pod?[Replicas];
        var condemned = new List<(int, Pod)>();
        foreach (var pod in _pods)
        {
            int ordinal = StatefulPods.OrdinalOf(set, pod.Name)!.Value;
            if (ordinal >= Start && ordinal < Start + Replicas)
                _row[ordinal - Start] = pod;
            else
                condemned.Add((ordinal, pod));
        }
        _condemned = condemned.OrderByDescending(entry => entry.Item1).ToList();
    }

    private int Replicas => _set.Spec.Replicas ?? 1;

    private int Start => _set.Spec.Ordinals?.Start ?? 0;

    private int MinReadySeconds => _set.Spec.MinReadySeconds ?? 0;

    private bool IsOrdered => _set.Spec.PodManagementPolicy != "Parallel";

    private int Partition => _set.Spec.UpdateStrategy?.RollingUpdate?.Partition ?? 0;

    private bool IsRolling => _set.Spec.UpdateStrategy?.Type is null or "RollingUpdate";

    public Decision Decide()
    {
        if (StatusUpdate() is { } status)
            _intents.Add(status);
        if (!_set.IsBeingDeleted)
        {
            SyncClaimOwners();
            if (Grow() && Shrink())
                RollOn();
            var inUse = _pods.Select(StatefulPods.RevisionOf).Append(_current.Name).ToHashSet();
            _intents.AddRange(_history.CleanUp(inUse, _set.Spec.RevisionHistoryLimit ?? 10));
        }
        return new Decision { Intents = _intents, RequeueAt = _requeueAt };
    }

    /// <returns>Whether the next step may be taken in this look.</returns>
    private bool Grow()
    {
        var creates = new List<Intent>();
        for (int i = 0; i < _row.Length; i++)
        {
            if (!Place(i, creates) && IsOrdered)
                break;
        }
        _intents.AddRange(creates.Count > 1 ? [new Batch(creates, IsSlowStart: true)] : creates);
        return IsOrdered ? creates.Count == 0 && _isRowSettled : creates.Count == 0;
    }

    private bool _isRowSettled = true;

    /// <returns>Whether the place is filled by a pod that serves, so that the next place may be looked at.</returns>
    private bool Place(int index, List<Intent> creates)
    {
        int ordinal = Start + index;
        var pod = _row[index];
        bool isSettled = pod switch
        {
            null => Create(ordinal, creates),
            _ when pod.IsTerminal() => Recreate(pod),
            _ => Keep(pod, ordinal),
        };
        _isRowSettled &= isSettled;
        return isSettled;
    }

    private bool Create(int ordinal, List<Intent> creates)
    {
        if (HasGoingClaim(ordinal))
            return false;
        _intents.AddRange(MissingClaims(ordinal));
        string podName = StatefulPods.NameOf(_set, ordinal);
        creates.Add(new Create(NewPod(ordinal))
        {
            OnSuccess = EventNote.About(_set, "SuccessfulCreate", $"create Pod {podName} in StatefulSet {_set.Name} successful"),
            OnFailure = EventNote.WarningAbout(
                _set, "FailedCreate", $"create Pod {podName} in StatefulSet {_set.Name} failed error: {{error}}"),
        });
        return false;
    }

    private Pod NewPod(int ordinal)
    {
        // What is below the partition keeps to the old revision, also when it has to be made anew.
        bool isOfOld = IsRolling && ordinal < Start + Partition;
        return isOfOld && _current.Name != _history.Update.Name
            ? StatefulPods.Make(_set, RevisionHistory.TemplateOf(_current), _current.Name, ordinal)
            : StatefulPods.Make(_set, _set.Spec.Template, _history.Update.Name, ordinal);
    }

    /// <summary>Whether a claim of the place's former pod is about to go: a new pod would have it taken away.</summary>
    private bool HasGoingClaim(int ordinal)
    {
        string podName = StatefulPods.NameOf(_set, ordinal);
        return _set.Spec.VolumeClaimTemplates.OrEmpty()
            .Select(template => _input.Cache.Get<PersistentVolumeClaim>(_set.Namespace, StatefulPods.ClaimName(_set, template, ordinal)))
            .Any(claim => claim is { IsBeingDeleted: true }
                || claim?.Metadata.OwnerReferences.OrEmpty().Exists(owner => owner.Kind == "Pod" && owner.Name == podName) == true);
    }

    private List<Intent> MissingClaims(int ordinal)
    {
        var creates = new List<Intent>();
        foreach (var template in _set.Spec.VolumeClaimTemplates.OrEmpty())
        {
            string name = StatefulPods.ClaimName(_set, template, ordinal);
            if (_input.Cache.Get<PersistentVolumeClaim>(_set.Namespace, name) is not null)
                continue;
            var claim = StatefulPods.MakeClaim(_set, template, ordinal);
            ClaimRetention.Apply(claim, _set, null, isCondemned: false);
            string podName = StatefulPods.NameOf(_set, ordinal);
            creates.Add(new Create(claim)
            {
                OnSuccess = EventNote.About(_set, "SuccessfulCreate",
                    $"create Claim {name} Pod {podName} in StatefulSet {_set.Name} success"),
                OnFailure = EventNote.WarningAbout(_set, "FailedCreate",
                    $"create Claim {name} for Pod {podName} in StatefulSet {_set.Name} failed error: {{error}}"),
            });
        }
        return creates;
    }

    private bool Recreate(Pod pod)
    {
        if (!pod.IsBeingDeleted)
        {
            _intents.Add(new EmitEvent(pod.IsFailed()
                ? EventNote.WarningAbout(_set, "RecreatingFailedPod",
                    $"StatefulSet {_set.Namespace}/{_set.Name} is recreating failed Pod {pod.Name}")
                : EventNote.About(_set, "RecreatingTerminatedPod",
                    $"StatefulSet {_set.Namespace}/{_set.Name} is recreating terminated Pod {pod.Name}")));
            _intents.Add(Deletion(pod));
        }
        return false;
    }

    private bool Keep(Pod pod, int ordinal)
    {
        if (pod.IsBeingDeleted)
            return false;
        if (pod.Status.Phase is null or "" or "Pending")
            _intents.AddRange(MissingClaims(ordinal));
        var changed = pod.DeepClone();
        if (StatefulPods.Identify(changed, _set, ordinal))
        {
            _intents.Add(new Update(changed)
            {
                OnSuccess = EventNote.About(_set, "SuccessfulUpdate",
                    $"update Pod {pod.Name} in StatefulSet {_set.Name} successful"),
            });
        }
        if (!StatefulPods.IsRunningAndReady(pod))
            return false;
        if (StatefulPods.IsRunningAndAvailable(pod, MinReadySeconds, _input.Now))
            return true;
        RequeueWhenAvailable(pod);
        return false;
    }

    /// <returns>Whether nothing was to be removed.</returns>
    private bool Shrink()
    {
        foreach (var (_, pod) in _condemned)
        {
            if (pod.IsBeingDeleted)
            {
                if (IsOrdered)
                    return false;
                continue;
            }
            // In order: what is above must be well before this one goes, unless this one itself is what is not well.
            if (IsOrdered && FirstUnhealthy() is { } unhealthy && unhealthy != pod)
                return false;
            _intents.Add(Deletion(pod));
            if (IsOrdered)
                return false;
        }
        return _condemned.Count == 0;
    }

    /// <summary>The pod of the lowest place that is not well.</summary>
    private Pod? FirstUnhealthy() => _row.Concat(_condemned.OrderBy(entry => entry.Ordinal).Select(Pod? (entry) => entry.Pod))
        .FirstOrDefault(pod => pod is not null && !StatefulPods.IsHealthy(pod));

    /// <summary>Replaces pods of the old revision from the last place down to the partition.</summary>
    private void RollOn()
    {
        if (!IsRolling)
            return;
        int allowed = Math.Max(1, (_set.Spec.UpdateStrategy?.RollingUpdate?.MaxUnavailable ?? IntOrString.FromInt(1))
            .Scaled(Replicas, roundUp: false));
        int unavailable = _row.Count(pod => !StatefulPods.IsRunningAndAvailable(pod, MinReadySeconds, _input.Now)
            || pod!.IsBeingDeleted);
        for (int i = _row.Length - 1; i >= Partition; i--)
        {
            if (_row[i] is not { IsBeingDeleted: false } pod || StatefulPods.RevisionOf(pod) == _history.Update.Name)
            {
                // A place that is not well uses up what may be missing; with one at a time that ends the step.
                if (allowed == 1 && !StatefulPods.IsRunningAndAvailable(_row[i], MinReadySeconds, _input.Now))
                    return;
                continue;
            }
            bool isWell = StatefulPods.IsRunningAndAvailable(pod, MinReadySeconds, _input.Now);
            // A broken pod of the old revision may always be replaced: it is missing already.
            if (isWell && unavailable >= allowed)
                return;
            _intents.Add(Deletion(pod));
            unavailable += isWell ? 1 : 0;
            if (allowed == 1)
                return;
        }
    }

    private Delete Deletion(Pod pod) => new(ObjectRef.To(pod))
    {
        OnSuccess = EventNote.About(_set, "SuccessfulDelete", $"delete Pod {pod.Name} in StatefulSet {_set.Name} successful"),
        OnFailure = EventNote.WarningAbout(
            _set, "FailedDelete", $"delete Pod {pod.Name} in StatefulSet {_set.Name} failed error: {{error}}"),
    };

    private void SyncClaimOwners()
    {
        foreach (var pod in _pods)
        {
            int ordinal = StatefulPods.OrdinalOf(_set, pod.Name)!.Value;
            bool isCondemned = ordinal < Start || ordinal >= Start + Replicas;
            foreach (var template in _set.Spec.VolumeClaimTemplates.OrEmpty())
            {
                string name = StatefulPods.ClaimName(_set, template, ordinal);
                if (_input.Cache.Get<PersistentVolumeClaim>(_set.Namespace, name) is not { } claim)
                    continue;
                var changed = claim.DeepClone();
                if (ClaimRetention.Apply(changed, _set, pod, isCondemned))
                    _intents.Add(new Update(changed));
            }
        }
    }

    private Update? StatusUpdate()
    {
        var changed = _set.DeepClone();
        var status = changed.Status;
        int ready = 0, available = 0, current = 0, updated = 0;
        foreach (var pod in _pods)
        {
            if (StatefulPods.IsRunningAndReady(pod))
            {
                ready++;
                if (StatefulPods.IsRunningAndAvailable(pod, MinReadySeconds, _input.Now))
                    available++;
                else
                    RequeueWhenAvailable(pod);
            }
            if (pod.IsBeingDeleted || pod.IsTerminal())
                continue;
            current += StatefulPods.RevisionOf(pod) == _current.Name ? 1 : 0;
            updated += StatefulPods.RevisionOf(pod) == _history.Update.Name ? 1 : 0;
        }
        status.ObservedGeneration = _set.Metadata.Generation;
        status.Replicas = _pods.Count;
        status.ReadyReplicas = NullIfZero(ready);
        status.AvailableReplicas = available;
        status.CurrentReplicas = NullIfZero(current);
        status.UpdatedReplicas = NullIfZero(updated);
        status.CurrentRevision = _current.Name;
        status.UpdateRevision = _history.Update.Name;
        status.CollisionCount = _history.CollisionCount ?? 0;
        // The rollout is over: the new revision is the current one.
        if (IsRolling && updated == Replicas && ready == Replicas && _pods.Count == Replicas)
        {
            status.CurrentRevision = _history.Update.Name;
            status.CurrentReplicas = status.UpdatedReplicas;
        }
        return status.DeepEquals(_set.Status) ? null : Update.Status(changed) with { ContinueOnFailure = true };
    }

    private void RequeueWhenAvailable(Pod pod)
    {
        if (pod.AvailableAt(MinReadySeconds, _input.Now) is { } at && (_requeueAt is null || at < _requeueAt))
            _requeueAt = at;
    }

    private static int? NullIfZero(int count) => count == 0 ? null : count;
}
