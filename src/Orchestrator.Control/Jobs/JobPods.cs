using System.Globalization;
using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Jobs;

/// <summary>The pods of a Job, and what a pod says about its index, its end and its failures.</summary>
internal static class JobPods
{
    public const string TrackingFinalizer = "batch.kubernetes.io/job-tracking";
    public const string IndexKey = "batch.kubernetes.io/job-completion-index";
    public const string IndexFailureCount = "batch.kubernetes.io/job-index-failure-count";
    public const string IndexIgnoredFailureCount = "batch.kubernetes.io/job-index-ignored-failure-count";
    public const string JobNameLabel = "batch.kubernetes.io/job-name";

    public static bool IsTracked(Pod pod) => pod.Metadata.Finalizers is { } finalizers && finalizers.Contains(TrackingFinalizer);

    public static bool IsIndexed(Job job) => job.Spec.CompletionMode == "Indexed";

    /// <summary>The pod's index; null if it has none, or none of the Job's.</summary>
    public static int? IndexOf(Job job, Pod pod) =>
        pod.Annotations.TryGetValue(IndexKey, out string? text)
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int index)
        && index < (job.Spec.Completions ?? 0) ? index : null;

    public static int FailureCount(Pod pod) => Count(pod, IndexFailureCount);

    public static int IgnoredFailureCount(Pod pod) => Count(pod, IndexIgnoredFailureCount);

    /// <summary>Whether a pod counts as failed. One that is being deleted may never get as far as to say so; yet where failures
    /// are judged by their cause, or replaced only once they are over, its end is waited for.</summary>
    public static bool HasFailed(Job job, Pod pod) =>
        pod.IsFailed() || (!WaitsForEnd(job) && pod.IsBeingDeleted && !pod.IsSucceeded());

    public static bool WaitsForEnd(Job job) =>
        job.Spec.PodReplacementPolicy == "Failed" || job.Spec.PodFailurePolicy is not null;

    /// <summary>When a pod ended, as far as can be told.</summary>
    public static DateTimeOffset EndOf(Pod pod, DateTimeOffset now)
    {
        DateTimeOffset? latest = null;
        foreach (var status in pod.Status.ContainerStatuses.OrEmpty())
        {
            if (status.State?.Terminated?.FinishedAt is { } at && (latest is null || at > latest))
                latest = at;
        }
        return latest ?? pod.Condition("Ready")?.LastTransitionTime ?? pod.Metadata.DeletionTimestamp ?? now;
    }

    public static Pod Make(Job job, int? index, Pod? formerOfIndex, bool ignoresLastFailure)
    {
        var pod = PodTemplates.CreatePod(job.Spec.Template, job);
        pod.Metadata.Finalizers = [.. pod.Metadata.Finalizers.OrEmpty(), TrackingFinalizer];
        if (index is { } i)
            Number(pod, job, i, formerOfIndex, ignoresLastFailure);
        return pod;
    }

    private static void Number(Pod pod, Job job, int index, Pod? former, bool ignoresLastFailure)
    {
        string text = index.ToString(CultureInfo.InvariantCulture);
        pod.Metadata.GenerateName = $"{job.Name}-{text}-";
        (pod.Metadata.Annotations ??= [])[IndexKey] = text;
        (pod.Metadata.Labels ??= [])[IndexKey] = text;
        pod.Spec.Hostname = $"{job.Name}-{text}";
        foreach (var container in pod.Spec.Containers.OrEmpty().Concat(pod.Spec.InitContainers.OrEmpty()))
        {
            container.Env ??= [];
            if (container.Env.Any(variable => variable.Name == "JOB_COMPLETION_INDEX"))
                continue;
            container.Env.Add(new EnvVar
            {
                Name = "JOB_COMPLETION_INDEX",
                ValueFrom = new EnvVarSource
                {
                    FieldRef = new ObjectFieldSelector { FieldPath = $"metadata.labels['{IndexKey}']", ApiVersion = "v1" },
                },
            });
        }
        if (job.Spec.BackoffLimitPerIndex is null)
            return;
        int failures = former is null ? 0 : FailureCount(former) + (ignoresLastFailure ? 0 : 1);
        int ignored = former is null ? 0 : IgnoredFailureCount(former) + (ignoresLastFailure ? 1 : 0);
        pod.Metadata.Annotations[IndexFailureCount] = failures.ToString(CultureInfo.InvariantCulture);
        if (ignored > 0)
            pod.Metadata.Annotations[IndexIgnoredFailureCount] = ignored.ToString(CultureInfo.InvariantCulture);
    }

    public static Patch WithoutFinalizer(Pod pod) => new(ObjectRef.To(pod), PatchType.StrategicMerge,
        $$$"""{"metadata":{"uid":"{{{pod.Uid}}}","$deleteFromPrimitiveList/finalizers":["{{{TrackingFinalizer}}}"]}}""")
    {
        ContinueOnFailure = true,
    };

    private static int Count(Pod pod, string annotation) =>
        pod.Annotations.TryGetValue(annotation, out string? text)
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count : 0;
}
