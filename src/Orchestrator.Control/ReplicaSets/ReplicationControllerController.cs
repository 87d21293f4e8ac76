using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.ReplicaSets;

/// <summary>Keeps as many pods alive as a ReplicationController (the older form of a ReplicaSet) asks for.</summary>
public static class ReplicationControllerController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "replication-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches =
        [
            Watch.Self<ReplicationController>(),
            Watch.On<Pod>(static (before, after, cache) =>
                OwnerKeys.Of<ReplicationController, Pod>(before, after, cache, SelectorOf)),
        ],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<ReplicationController>(input.Key.Namespace, input.Key.Name) is not { } set)
            return Decision.Nothing;
        var claim = OwnershipClaim<Pod>.Decide(set, SelectorOf(set), input, static pod => !pod.IsTerminal());
        if (claim.Lookups.Count > 0)
            return new Decision { Lookups = claim.Lookups };

        var active = claim.Owned.Where(PodState.IsActive).ToList();
        var plan = ReplicaPlan.Decide(set, set.Spec.Replicas ?? 1, set.Spec.Template, active, () => active, input);
        var counts = ReplicaCounts.Of(claim.Owned, set.Spec.Template, set.Spec.MinReadySeconds ?? 0, input.Now);
        return new Decision
        {
            Intents = [.. claim.Intents, .. StatusUpdate(set, counts, plan.Failure, input.Now), .. plan.Intents],
            RequeueAt = counts.NextAvailableAt,
        };
    }

    // Unlike a label selector, an empty map selects nothing.
    private static Selector SelectorOf(ReplicationController set) =>
        set.Spec.Selector is { Count: > 0 } labels ? Selector.Of(labels) : Selector.Of((LabelSelector?)null);

    private static IEnumerable<Intent> StatusUpdate(
        ReplicationController set, ReplicaCounts counts, (string Reason, string Message)? failure, DateTimeOffset now)
    {
        var changed = set.DeepClone();
        var status = changed.Status;
        status.Replicas = counts.Replicas;
        status.FullyLabeledReplicas = ReplicaSetController.NullIfZero(counts.FullyLabeled);
        status.ReadyReplicas = ReplicaSetController.NullIfZero(counts.Ready);
        status.AvailableReplicas = ReplicaSetController.NullIfZero(counts.Available);
        status.ObservedGeneration = set.Metadata.Generation;
        status.Conditions = WithFailure(status.Conditions, failure, now);
        if (!status.DeepEquals(set.Status))
            yield return Update.Status(changed) with { ContinueOnFailure = true };
    }

    private static List<ReplicationControllerCondition>? WithFailure(
        List<ReplicationControllerCondition>? conditions, (string Reason, string Message)? failure, DateTimeOffset now)
    {
        var others = conditions.OrEmpty().Where(c => c.Type != "ReplicaFailure").ToList();
        if (failure is { } why)
        {
            var former = conditions.OrEmpty().FirstOrDefault(c => c.Type == "ReplicaFailure");
            others.Add(former is not null && former.Reason == why.Reason ? former : new ReplicationControllerCondition
            {
                Type = "ReplicaFailure",
                Status = "True",
                LastTransitionTime = now,
                Reason = why.Reason,
                Message = why.Message,
            });
        }
        return others.Count == 0 ? null : others;
    }
}
