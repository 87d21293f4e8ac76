using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.Deployments;

/// <summary>Rolls a Deployment's pods from one template to the next by growing and shrinking ReplicaSets.</summary>
/// <remarks>Undoing is no case of its own: a template that was there before finds its old ReplicaSet again, which becomes the
/// newest revision.</remarks>
public static class DeploymentController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "deployment-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches =
        [
            Watch.Self<Deployment>(),
            Watch.On<ReplicaSet>(static (before, after, cache) =>
                OwnerKeys.Of<Deployment, ReplicaSet>(before, after, cache, static d => Selector.Of(d.Spec.Selector))) with
            {
                Delay = TimeSpan.FromMilliseconds(20),
            },
            Watch.On<Pod>(KeysOfEndedPod),
        ],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<Deployment>(input.Key.Namespace, input.Key.Name) is not { } deployment)
            return Decision.Nothing;
        if (SelectsEverything(deployment))
            return RefuseToSelectEverything(deployment);
        var claim = OwnershipClaim<ReplicaSet>.Decide(deployment, Selector.Of(deployment.Spec.Selector), input);
        if (claim.Lookups.Count > 0)
            return new Decision { Lookups = claim.Lookups };
        return new Rollout(deployment, claim, input).Decide();
    }

    private static bool SelectsEverything(Deployment deployment) => deployment.Spec.Selector is { } selector
        && selector.MatchLabels.OrEmpty().Count == 0 && selector.MatchExpressions.OrEmpty().Count == 0;

    private static Decision RefuseToSelectEverything(Deployment deployment)
    {
        var note = EventNote.WarningAbout(deployment, "SelectingAll",
            "This deployment is selecting all pods. A non-empty selector is required.");
        if ((deployment.Status.ObservedGeneration ?? 0) >= (deployment.Metadata.Generation ?? 0))
            return Decision.Nothing;
        var changed = deployment.DeepClone();
        changed.Status.ObservedGeneration = deployment.Metadata.Generation;
        return Decision.Of(new EmitEvent(note), Update.Status(changed));
    }

    /// <summary>Recreate waits for the last old pod to end; no other strategy looks at pods.</summary>
    private static IEnumerable<NamespacedName> KeysOfEndedPod(Pod? before, Pod? after, IObjectCache cache)
    {
        var pod = after ?? before!;
        if ((after is not null && !after.IsTerminal()) || pod.ControllerOwner is not { Kind: "ReplicaSet" } reference)
            yield break;
        if (cache.Get<ReplicaSet>(pod.Namespace, reference.Name ?? "") is { ControllerOwner: { } owner }
            && OwnerKeys.Resolve<Deployment>(owner, pod.Namespace, cache) is { } key
            && cache.Get<Deployment>(key.Namespace, key.Name) is { } deployment
            && deployment.Spec.Strategy?.Type == "Recreate")
        {
            yield return key;
        }
    }

    /// <summary>One look at one Deployment.</summary>
    private sealed class Rollout(Deployment deployment, OwnershipClaim<ReplicaSet> claim, ReconcileInput input)
    {
        private readonly ReplicaSetFleet _fleet = new(deployment, claim.Owned);
        private readonly List<Intent> _writes = [.. claim.Intents];
        private DeploymentStatus _status = deployment.Status.DeepClone();
        private bool _setsProgress = true;

        public Decision Decide()
        {
            if (deployment.IsBeingDeleted)
                _setsProgress = false;
            else if (deployment.Spec.Paused == true || IsScaling())
                ScaleOnly();
            else if (!TryRoll())
                return Collide();
            if (!deployment.IsBeingDeleted)
                _writes.AddRange(_fleet.Updates(SyncNewSet));
            FinishStatus();
            return new Decision
            {
                Intents = _writes,
                RequeueAt = deployment.Spec.Paused == true || deployment.IsBeingDeleted
                    ? null : DeploymentStatusPlan.NextLook(deployment, _status, input.Now),
            };
        }

        private long NewRevision => _fleet.Old.Select(ReplicaSetAnnotations.RevisionOf).DefaultIfEmpty(0).Max() + 1;

        /// <summary>Whether a set was meant for another size than the Deployment has now.</summary>
        private bool IsScaling() => _fleet.ByAge.Any(set => _fleet.Size(set) > 0
            && ReplicaSetAnnotations.DesiredReplicasOf(set) is { } desired && desired != _fleet.Desired);

        private void ScaleOnly()
        {
            _setsProgress = false;
            DeploymentScaling.Spread(_fleet, deployment);
            if (deployment.Spec.Paused == true)
                CleanUp();
        }

        /// <returns>False if the name of the new set is taken.</returns>
        private bool TryRoll()
        {
            bool isRolling = RolloutBounds.IsRolling(deployment.Spec);
            if (!isRolling && StopOld())
                return true;
            if (_fleet.New is null && !TryCreateNew())
                return false;
            // Old sets stay as they are until the new one can be made.
            if (CreateRefusal() is not null)
                return true;
            if (isRolling)
                DeploymentScaling.Roll(_fleet);
            else if (_fleet.Size(_fleet.New!) != _fleet.Desired)
                _fleet.Scale(_fleet.New!, _fleet.Desired);
            if (!_fleet.IsScaled && DeploymentStatusPlan.IsComplete(deployment, deployment.Status))
                CleanUp();
            return true;
        }

        /// <summary>Recreate: all old pods must be gone before a new one is made.</summary>
        /// <returns>Whether there is still something to wait for.</returns>
        private bool StopOld()
        {
            var active = _fleet.ActiveOld.ToList();
            foreach (var set in active)
                _fleet.Scale(set, 0);
            return active.Count > 0 || _fleet.Old.Any(set => (set.Status.Replicas ?? 0) > 0)
                || _fleet.Old.Any(set => input.Cache.ByController<Pod>(set.Uid).Any(pod => !pod.IsTerminal()));
        }

        private bool TryCreateNew()
        {
            string hash = TemplateHash.Of(deployment.Spec.Template, deployment.Status.CollisionCount);
            string name = $"{deployment.Name}-{hash}";
            if (input.Cache.Get<ReplicaSet>(deployment.Namespace, name) is not null)
                return false;
            var set = NewSet(name, hash);
            set.Spec.Replicas = _fleet.NewSize(0);
            ReplicaSetAnnotations.SyncFrom(deployment, set, NewRevision);
            ReplicaSetAnnotations.SetSize(set, _fleet.Desired, _fleet.Desired + _fleet.Bounds.MaxSurge);
            _fleet.Add(set);
            _writes.Add(new Create(set)
            {
                OnSuccess = set.Spec.Replicas > 0 ? _fleet.ScaledNote(set, 0, set.Spec.Replicas.Value) : null,
                OnFailure = EventNote.WarningAbout(deployment, DeploymentConditions.ReplicaSetCreateError,
                    $"Failed to create new replica set \"{name}\": {{error}}"),
                // After one refusal the status has to tell of it, even when the next try is refused too.
                ContinueOnFailure = CreateRefusal() is not null,
            });
            return true;
        }

        private ReplicaSet NewSet(string name, string hash)
        {
            var template = deployment.Spec.Template.DeepClone();
            (template.Metadata.Labels ??= [])[TemplateHash.PodTemplateHashLabel] = hash;
            var selector = deployment.Spec.Selector!.DeepClone();
            (selector.MatchLabels ??= [])[TemplateHash.PodTemplateHashLabel] = hash;
            return new ReplicaSet
            {
                Metadata = new ObjectMeta
                {
                    Name = name,
                    Namespace = deployment.Namespace,
                    Labels = new(template.Metadata.Labels),
                    OwnerReferences = [References.Controller(deployment)],
                },
                Spec = new ReplicaSetSpec
                {
                    MinReadySeconds = deployment.Spec.MinReadySeconds,
                    Selector = selector,
                    Template = template,
                },
            };
        }

        /// <summary>Another object has the name that the template's hash gives: count that, so that the hash changes.</summary>
        private Decision Collide()
        {
            var changed = deployment.DeepClone();
            changed.Status.CollisionCount = (deployment.Status.CollisionCount ?? 0) + 1;
            return new Decision { Intents = [.. claim.Intents, Update.Status(changed)] };
        }

        private bool SyncNewSet(ReplicaSet set)
        {
            bool changed = ReplicaSetAnnotations.SyncFrom(deployment, set, NewRevision);
            changed |= (set.Spec.MinReadySeconds ?? 0) != (deployment.Spec.MinReadySeconds ?? 0);
            set.Spec.MinReadySeconds = deployment.Spec.MinReadySeconds;
            return changed;
        }

        /// <summary>Removes old sets beyond the history that is to be kept, lowest revision first.</summary>
        private void CleanUp()
        {
            if (deployment.Spec.RevisionHistoryLimit is not { } limit || limit == int.MaxValue)
                return;
            var kept = _fleet.Old.Where(set => !set.IsBeingDeleted)
                .OrderBy(ReplicaSetAnnotations.RevisionOf).ThenBy(set => set.Metadata.CreationTimestamp).ToList();
            foreach (var set in kept.Take(Math.Max(0, kept.Count - limit)))
            {
                bool isInUse = (set.Status.Replicas ?? 0) != 0 || _fleet.Size(set) != 0
                    || (set.Metadata.Generation ?? 0) > (set.Status.ObservedGeneration ?? 0);
                if (!isInUse)
                    _writes.Add(new Delete(ObjectRef.To(set)));
            }
        }

        private void FinishStatus()
        {
            _status = DeploymentStatusPlan.Count(deployment, _fleet);
            DeploymentStatusPlan.SetAvailability(deployment, _status, _fleet, input.Now);
            NotePause();
            NoteNewSet();
            if (_setsProgress)
            {
                DeploymentStatusPlan.SetProgress(deployment, _status, _fleet, input.Now);
                DeploymentStatusPlan.SetFailure(_status, _fleet);
            }
            if (!_status.DeepEquals(deployment.Status))
            {
                var changed = deployment.DeepClone();
                changed.Status = _status;
                _writes.Add(Update.Status(changed));
            }
            NoteRevision();
        }

        /// <summary>Pausing and resuming stop and restart the clock of the progress deadline.</summary>
        private void NotePause()
        {
            var progressing = DeploymentConditions.Find(_status, DeploymentConditions.Progressing);
            if (!DeploymentStatusPlan.HasDeadline(deployment) || deployment.IsBeingDeleted
                || progressing?.Reason == DeploymentConditions.ProgressDeadlineExceeded)
            {
                return;
            }
            bool isNoted = progressing?.Reason == DeploymentConditions.DeploymentPaused;
            if (deployment.Spec.Paused == true && !isNoted)
                SetProgressing("Unknown", DeploymentConditions.DeploymentPaused, "Deployment is paused");
            else if (deployment.Spec.Paused != true && isNoted)
                SetProgressing("Unknown", DeploymentConditions.DeploymentResumed, "Deployment is resumed");
        }

        private void NoteNewSet()
        {
            if (!DeploymentStatusPlan.HasDeadline(deployment) || !_setsProgress || _fleet.New is not { } set)
                return;
            if (CreateRefusal() is { } refusal && set.Uid.Length == 0)
                SetProgressing("False", DeploymentConditions.ReplicaSetCreateError, refusal);
            else if (set.Uid.Length == 0)
                SetProgressing("True", DeploymentConditions.NewReplicaSetCreated, $"Created new replica set \"{set.Name}\"");
            else if (DeploymentConditions.Find(_status, DeploymentConditions.Progressing) is null)
                SetProgressing("True", DeploymentConditions.FoundNewReplicaSet, $"Found new replica set \"{set.Name}\"");
        }

        private string? CreateRefusal()
        {
            foreach (var failure in input.Failures)
            {
                if (failure.Intent is Create { Object: ReplicaSet set } && failure.Status.Reason != "AlreadyExists")
                    return $"Failed to create new replica set \"{set.Name}\": {failure.Status.Message}";
            }
            return null;
        }

        private void SetProgressing(string status, string reason, string message) => DeploymentConditions.Set(_status,
            DeploymentConditions.Make(DeploymentConditions.Progressing, status, reason, message, input.Now));

        /// <summary>The Deployment bears its newest revision's number; a patch, since the status was written just before.</summary>
        private void NoteRevision()
        {
            if (_fleet.New is not { } set || deployment.IsBeingDeleted || CreateRefusal() is not null)
                return;
            string revision = ReplicaSetAnnotations.Text(Math.Max(ReplicaSetAnnotations.RevisionOf(set), NewRevision));
            if (deployment.Annotations.GetValueOrDefault(ReplicaSetAnnotations.Revision) == revision)
                return;
            string body = $$$"""
                {"metadata":{"annotations":{"{{{ReplicaSetAnnotations.Revision}}}":"{{{revision}}}"},"uid":"{{{deployment.Uid}}}"}}
                """;
            _writes.Add(new Patch(ObjectRef.To(deployment), PatchType.Merge, body));
        }
    }
}
