using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.ReplicaSets;

/// <summary>Keeps as many pods alive as a ReplicaSet asks for.</summary>
public static class ReplicaSetController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "replicaset-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches =
        [
            Watch.Self<ReplicaSet>(),
            Watch.On<Pod>(static (before, after, cache) =>
                OwnerKeys.Of<ReplicaSet, Pod>(before, after, cache, static set => Selector.Of(set.Spec.Selector))) with
            {
                // Pods come and become ready in crowds: one look, and one status, for many of them.
                Delay = TimeSpan.FromMilliseconds(20),
            },
        ],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<ReplicaSet>(input.Key.Namespace, input.Key.Name) is not { } set)
            return Decision.Nothing;
        var claim = OwnershipClaim<Pod>.Decide(set, Selector.Of(set.Spec.Selector), input, static pod => !pod.IsTerminal());
        if (claim.Lookups.Count > 0)
            return new Decision { Lookups = claim.Lookups };

        var active = claim.Owned.Where(PodState.IsActive).ToList();
        var plan = ReplicaPlan.Decide(
            set, set.Spec.Replicas ?? 1, set.Spec.Template, active, () => Related(set, input.Cache), input);
        var counts = ReplicaCounts.Of(claim.Owned, set.Spec.Template, set.Spec.MinReadySeconds ?? 0, input.Now);
        return new Decision
        {
            Intents = [.. claim.Intents, .. StatusUpdate(set, counts, plan.Failure, input.Now), .. plan.Intents],
            RequeueAt = counts.NextAvailableAt,
        };
    }

    /// <summary>The pods of all sets of the same Deployment: what doubles up on a node doubles up over all of them.</summary>
    private static IEnumerable<Pod> Related(ReplicaSet set, IObjectCache cache) =>
        set.ControllerOwner is { } owner
            ? cache.ByController<ReplicaSet>(owner.Uid ?? "").SelectMany(sibling => cache.ByController<Pod>(sibling.Uid))
            : cache.ByController<Pod>(set.Uid);

    private static IEnumerable<Intent> StatusUpdate(
        ReplicaSet set, ReplicaCounts counts, (string Reason, string Message)? failure, DateTimeOffset now)
    {
        var changed = set.DeepClone();
        var status = changed.Status;
        status.Replicas = counts.Replicas;
        status.FullyLabeledReplicas = NullIfZero(counts.FullyLabeled);
        status.ReadyReplicas = NullIfZero(counts.Ready);
        status.AvailableReplicas = NullIfZero(counts.Available);
        status.TerminatingReplicas = counts.Terminating;
        status.ObservedGeneration = set.Metadata.Generation;
        status.Conditions = WithFailure(status.Conditions, failure, now);
        if (!status.DeepEquals(set.Status))
            yield return Update.Status(changed) with { ContinueOnFailure = true };
    }

    private static List<ReplicaSetCondition>? WithFailure(
        List<ReplicaSetCondition>? conditions, (string Reason, string Message)? failure, DateTimeOffset now)
    {
        var others = conditions.OrEmpty().Where(c => c.Type != "ReplicaFailure").ToList();
        if (failure is { } why)
        {
            var former = conditions.OrEmpty().FirstOrDefault(c => c.Type == "ReplicaFailure");
            others.Add(former is not null && former.Reason == why.Reason ? former : new ReplicaSetCondition
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

    /// <summary>Counts that are nought are left out, as users are used to.</summary>
    internal static int? NullIfZero(int count) => count == 0 ? null : count;
}
