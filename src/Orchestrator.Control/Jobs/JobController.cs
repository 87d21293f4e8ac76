using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.Jobs;

/// <summary>Runs a Job's pods to completion.</summary>
/// <remarks>
/// Each pod is counted exactly once: it holds a finalizer until its end stands in the status. First its uid is put into
/// uncountedTerminatedPods, then the finalizer goes, then the uid turns into a number. Whatever is lost in between is done
/// again without being counted twice.
/// </remarks>
public static class JobController
{
    private const string TrackedByJob = "tracked-by-job";

    public static ControllerDescription Description { get; } = new()
    {
        Name = "job-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches = [Watch.Self<Job>(), Watch.On<Pod>(PodKeys)],
        Indexes = [ObjectIndex.Of<Pod>(TrackedByJob, static pod => JobPods.IsTracked(pod) && JobName(pod) is { } name
            ? [$"{pod.Namespace}/{name}"] : [])],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        var job = input.Cache.Get<Job>(input.Key.Namespace, input.Key.Name);
        if (job is { Spec.ManagedBy: { Length: > 0 } manager } && manager != "kubernetes.io/job-controller")
            return Decision.Nothing;
        if (job is null || IsFinished(job))
            return Release(input, static _ => true);
        var claim = OwnershipClaim<Pod>.Decide(job, Selector.Of(job.Spec.Selector), input);
        if (claim.Lookups.Count > 0)
            return new Decision { Lookups = claim.Lookups };
        var decision = new JobLook(job, claim, input).Decide();
        var strays = Release(input, pod => pod.ControllerOwner?.Uid != job.Uid && claim.Owned.All(own => own.Uid != pod.Uid));
        return strays.Intents.Count == 0 ? decision : decision with { Intents = [.. decision.Intents, .. strays.Intents] };
    }

    public static bool IsFinished(Job job) => FinishedType(job) is not null;

    /// <summary>"Complete" or "Failed"; null while the Job runs.</summary>
    public static string? FinishedType(Job job) => job.Status.Conditions.OrEmpty()
        .FirstOrDefault(condition => condition is { Type: "Complete" or "Failed", Status: "True" })?.Type;

    /// <summary>Pods that no Job counts any more must not be held up by the finalizer.</summary>
    private static Decision Release(ReconcileInput input, Func<Pod, bool> isStray) => Decision.Of(
        input.Cache.ByIndex<Pod>(TrackedByJob, $"{input.Key.Namespace}/{input.Key.Name}").Where(isStray)
            .Select(Intent (pod) => JobPods.WithoutFinalizer(pod)).ToList());

    private static IEnumerable<NamespacedName> PodKeys(Pod? before, Pod? after, IObjectCache cache)
    {
        foreach (var key in OwnerKeys.Of<Job, Pod>(before, after, cache, static job => Selector.Of(job.Spec.Selector)))
            yield return key;
        // A pod that lost its Job still waits for the finalizer to go.
        if (after is { ControllerOwner: null } && JobPods.IsTracked(after) && JobName(after) is { } name)
            yield return new NamespacedName(after.Namespace, name);
    }

    private static string? JobName(Pod pod) => pod.ControllerOwner is { Kind: "Job" } owner
        ? owner.Name : pod.Labels.GetValueOrDefault(JobPods.JobNameLabel);
}
