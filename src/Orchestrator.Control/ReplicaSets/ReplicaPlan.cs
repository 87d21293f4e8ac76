using Orchestrator.Control.Pods;

namespace Orchestrator.Control.ReplicaSets;

/// <summary>Brings the number of a set's pods to what is wanted; the same for ReplicaSets and ReplicationControllers.</summary>
public sealed record ReplicaPlan
{
    /// <summary>The most pods made or removed by one look, so that one set does not keep the others waiting.</summary>
    public const int BurstLimit = 500;

    /// <summary>Intents that make or remove pods.</summary>
    public required IReadOnlyList<Intent> Intents { get; init; }

    /// <summary>"FailedCreate" or "FailedDelete" and why, from the last try; null if that went well.</summary>
    public (string Reason, string Message)? Failure { get; init; }

    public static ReplicaPlan Decide(
        IKubernetesObject owner, int replicas, PodTemplateSpec template, IReadOnlyList<Pod> active,
        Func<IEnumerable<Pod>> related, ReconcileInput input)
    {
        int missing = replicas - active.Count;
        IReadOnlyList<Intent> intents = owner.IsBeingDeleted || missing == 0 ? []
            : missing > 0 ? [Creation(owner, template, Math.Min(missing, BurstLimit))]
            : [Removal(owner, DeletionOrder.AmidRelated(related(), input.Now)
                .First(active, Math.Min(-missing, BurstLimit)))];
        return new ReplicaPlan { Intents = intents, Failure = missing == 0 ? null : FailureOf(input.Failures) };
    }

    private static Batch Creation(IKubernetesObject owner, PodTemplateSpec template, int count)
    {
        var created = EventNote.About(owner, "SuccessfulCreate", "Created pod: {name}");
        var refused = EventNote.WarningAbout(owner, "FailedCreate", "Error creating: {error}");
        var creates = new Intent[count];
        for (int i = 0; i < count; i++)
            creates[i] = new Create(PodTemplates.CreatePod(template, owner)) { OnSuccess = created, OnFailure = refused };
        return new Batch(creates, IsSlowStart: true);
    }

    private static Batch Removal(IKubernetesObject owner, IReadOnlyList<Pod> pods)
    {
        var deletes = pods.Select(Intent (pod) => new Delete(ObjectRef.To(pod))
        {
            OnSuccess = EventNote.About(owner, "SuccessfulDelete", $"Deleted pod: {pod.Name}"),
            OnFailure = EventNote.WarningAbout(owner, "FailedDelete", "Error deleting: {error}"),
        });
        return new Batch(deletes.ToList());
    }

    private static (string, string)? FailureOf(IReadOnlyList<IntentFailure> failures)
    {
        foreach (var failure in failures)
        {
            switch (failure.Intent)
            {
                case Create: return ("FailedCreate", failure.Status.Message ?? "");
                case Delete: return ("FailedDelete", failure.Status.Message ?? "");
            }
        }
        return null;
    }
}
