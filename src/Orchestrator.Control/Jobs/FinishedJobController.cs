namespace Orchestrator.Control.Jobs;

/// <summary>Deletes finished Jobs when the time is over for which they are to be kept.</summary>
public static class FinishedJobController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "ttl-after-finished-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches = [Watch.On<Job>(static (_, after, _) => after is not null && IsDue(after) ? [after.Key] : [])],
    };

    private static bool IsDue(Job job) =>
        !job.IsBeingDeleted && job.Spec.TtlSecondsAfterFinished is not null && JobController.IsFinished(job);

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<Job>(input.Key.Namespace, input.Key.Name) is not { } job || !IsDue(job))
            return Decision.Nothing;
        var finished = job.Status.Conditions!.First(condition => condition is { Type: "Complete" or "Failed", Status: "True" });
        var expiry = (finished.LastTransitionTime ?? input.Now).AddSeconds(job.Spec.TtlSecondsAfterFinished!.Value);
        if (expiry > input.Now)
            return new Decision { RequeueAt = expiry };
        // The very version that was looked at: somebody may just have prolonged its time.
        return Decision.Of(new Delete(ObjectRef.ToVersion(job), PropagationPolicy.Foreground));
    }
}
