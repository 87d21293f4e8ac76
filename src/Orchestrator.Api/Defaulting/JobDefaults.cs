using Orchestrator.Api.BatchV1;

namespace Orchestrator.Api.Defaulting;

/// <summary>Defaults of jobs; a CronJob's template gets them only when a Job is made of it.</summary>
internal static class JobDefaults
{
    public static void Apply(Job job)
    {
        var spec = job.Spec;
        PodDefaults.Apply(spec.Template.Spec);
        // Open completions beside a given parallelism mean a work queue: any success completes it.
        if (spec.Completions is null && spec.Parallelism is null)
            spec.Completions = 1;
        spec.Parallelism ??= 1;
        spec.BackoffLimit ??= spec.BackoffLimitPerIndex is null ? 6 : int.MaxValue;
        spec.CompletionMode ??= "NonIndexed";
        spec.Suspend ??= false;
        spec.ManualSelector ??= false;
        spec.PodReplacementPolicy ??= spec.PodFailurePolicy is null ? "TerminatingOrFailed" : "Failed";
        if (job.Metadata.Labels is not { Count: > 0 } && spec.Template.Metadata.Labels is { } labels)
            job.Metadata.Labels = new Dictionary<string, string>(labels, StringComparer.Ordinal);
        ApplyFailurePolicy(spec);
    }

    public static void Apply(CronJob job)
    {
        var spec = job.Spec;
        spec.ConcurrencyPolicy = Defaults.Filled(spec.ConcurrencyPolicy, "Allow");
        spec.Suspend ??= false;
        spec.SuccessfulJobsHistoryLimit ??= 3;
        spec.FailedJobsHistoryLimit ??= 1;
        if (spec.JobTemplate is { } template)
        {
            PodDefaults.Apply(template.Spec.Template.Spec);
            ApplyFailurePolicy(template.Spec);
        }
    }

    private static void ApplyFailurePolicy(JobSpec spec)
    {
        foreach (var pattern in (spec.PodFailurePolicy?.Rules).OrEmpty().SelectMany(rule => rule.OnPodConditions.OrEmpty()))
            pattern.Status = Defaults.Filled(pattern.Status, "True");
    }
}
