using Orchestrator.Api.BatchV1;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Strategies;

/// <summary>Jobs find their pods by their own uid, so that no two of them ever share one.</summary>
internal static class JobStrategy
{
    public const string ControllerUidLabel = "batch.kubernetes.io/controller-uid";
    public const string JobNameLabel = "batch.kubernetes.io/job-name";
    public const string OldControllerUidLabel = "controller-uid";
    public const string OldJobNameLabel = "job-name";

    public static KindStrategy<Job> Create() => new()
    {
        ResetStatus = job => job.Status = new JobStatus(),
        KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
        KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
        OnCreate = (job, _) =>
        {
            if (job.Spec.ManualSelector != true)
                SelectByUid(job);
        },
        Warns = (job, old) =>
        [
            .. PodWarnings.OfTemplate(job, job.Spec.Template, old?.Spec.Template),
            .. MiscellaneousWarnings.Of(job.Spec),
        ],
    };

    public static KindStrategy<CronJob> CreateCron() => new()
    {
        ResetStatus = job => job.Status = new CronJobStatus(),
        KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
        KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
        Warns = MiscellaneousWarnings.Of,
    };

    private static void SelectByUid(Job job)
    {
        if (job.Uid.Length == 0)
            return; // Validation says that the selector is missing.
        var labels = job.Spec.Template.Metadata.Labels ??= [];
        labels.TryAdd(OldJobNameLabel, job.Name);
        labels.TryAdd(JobNameLabel, job.Name);
        labels.TryAdd(OldControllerUidLabel, job.Uid);
        labels.TryAdd(ControllerUidLabel, job.Uid);
        var selector = job.Spec.Selector ??= new LabelSelector();
        (selector.MatchLabels ??= []).TryAdd(ControllerUidLabel, job.Uid);
    }
}
