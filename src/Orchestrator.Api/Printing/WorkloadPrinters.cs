using System.Globalization;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.AutoscalingV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoreV1;
using static Orchestrator.Api.Printing.PrinterTable;

namespace Orchestrator.Api.Printing;

/// <summary>Tables of what runs pods, and of what scales that.</summary>
internal static class WorkloadPrinters
{
    public static IEnumerable<KeyValuePair<GroupVersionKind, TablePrinter>> All()
    {
        yield return Of<Deployment>(
            ColumnSet.Named()
                .Text("Ready", "Pods that are ready, of those wanted.")
                .Text("Up-to-date", "Pods of the newest template.")
                .Text("Available", "Pods that were ready for long enough.")
                .Age().Containers().Selector(),
            (deployment, now) =>
            [
                deployment.Name, Share(deployment.Status.ReadyReplicas, deployment.Spec.Replicas),
                Number(deployment.Status.UpdatedReplicas), Number(deployment.Status.AvailableReplicas), Age(deployment, now),
                ContainerNames(deployment.Spec.Template), ContainerImages(deployment.Spec.Template),
                LabelText.Written(deployment.Spec.Selector),
            ]);
        yield return Of<Scale>(
            ColumnSet.Named()
                .Integer("Desired", "Pods that are wanted.")
                .Integer("Available", "Pods that there are.")
                .Age(),
            (scale, now) => [scale.Name, Number(scale.Spec.Replicas), Number(scale.Status.Replicas), Age(scale, now)]);
        yield return Of<ReplicaSet>(ColumnsOfReplicas(), (set, now) =>
            [
                set.Name, Number(set.Spec.Replicas), Number(set.Status.Replicas), Number(set.Status.ReadyReplicas), Age(set, now),
                ContainerNames(set.Spec.Template), ContainerImages(set.Spec.Template), LabelText.OfSelector(set.Spec.Selector),
            ]);
        yield return Of<ReplicationController>(ColumnsOfReplicas(), (controller, now) =>
            [
                controller.Name, Number(controller.Spec.Replicas), Number(controller.Status.Replicas),
                Number(controller.Status.ReadyReplicas), Age(controller, now),
                ContainerNames(controller.Spec.Template), ContainerImages(controller.Spec.Template),
                LabelText.OfLabels(controller.Spec.Selector),
            ]);
        yield return Of<StatefulSet>(
            ColumnSet.Named().Text("Ready", "Pods that are ready, of those wanted.").Age().Containers(),
            (set, now) =>
            [
                set.Name, Share(set.Status.ReadyReplicas, set.Spec.Replicas), Age(set, now),
                ContainerNames(set.Spec.Template), ContainerImages(set.Spec.Template),
            ]);
        yield return Of<DaemonSet>(
            ColumnSet.Named()
                .Integer("Desired", "Nodes that should run a pod of it.")
                .Integer("Current", "Nodes that do.")
                .Integer("Ready", "Nodes whose pod is ready.")
                .Integer("Up-to-date", "Nodes whose pod is of the newest template.")
                .Integer("Available", "Nodes whose pod was ready for long enough.")
                .Text("Node Selector", "Labels of the nodes it is meant for.")
                .Age().Containers().Selector(),
            (set, now) =>
            [
                set.Name, Number(set.Status.DesiredNumberScheduled), Number(set.Status.CurrentNumberScheduled),
                Number(set.Status.NumberReady), Number(set.Status.UpdatedNumberScheduled), Number(set.Status.NumberAvailable),
                LabelText.OfLabels(set.Spec.Template.Spec.NodeSelector), Age(set, now),
                ContainerNames(set.Spec.Template), ContainerImages(set.Spec.Template), LabelText.OfSelector(set.Spec.Selector),
            ]);
        yield return Of<Job>(
            ColumnSet.Named()
                .Text("Status", "Whether the job runs, has ended or waits.")
                .Text("Completions", "Pods that succeeded, of those wanted.")
                .Text("Duration", "How long it took, or takes so far.")
                .Age().Containers().Selector(),
            (job, now) =>
            [
                job.Name, StatusOf(job), CompletionsOf(job), DurationOf(job, now), Age(job, now),
                ContainerNames(job.Spec.Template), ContainerImages(job.Spec.Template), LabelText.OfSelector(job.Spec.Selector),
            ]);
        yield return Of<CronJob>(
            ColumnSet.Named()
                .Text("Schedule", "When jobs are made, in cron's notation.")
                .Text("Timezone", "The time zone of the schedule.")
                .Boolean("Suspend", "Whether no more jobs are made.")
                .Integer("Active", "Jobs that run now.")
                .Text("Last Schedule", "When the last job was made.")
                .Age().Containers().Selector(),
            CronJobCells);
        yield return Of<ControllerRevision>(
            ColumnSet.Named()
                .Text("Controller", "Whose template it keeps.")
                .Text("Revision", "The number of that template.")
                .Age(),
            (revision, now) => [revision.Name, ControllerOf(revision), revision.Revision ?? 0, Age(revision, now)]);
        yield return Of<Scale>(
            ColumnSet.Named()
                .Integer("Desired", "Pods that are wanted.")
                .Integer("Available", "Pods that are there.")
                .Age(),
            (scale, now) => [scale.Name, Number(scale.Spec.Replicas), Number(scale.Status.Replicas), Age(scale, now)]);
        yield return Of<HorizontalPodAutoscaler>(ColumnsOfAutoscalers(), (scaler, now) =>
            [
                scaler.Name, $"{scaler.Spec.ScaleTargetRef?.Kind}/{scaler.Spec.ScaleTargetRef?.Name}",
                AutoscalerTargets.Of(scaler), MinimumOf(scaler.Spec.MinReplicas), Number(scaler.Spec.MaxReplicas),
                Number(scaler.Status.CurrentReplicas), Age(scaler, now),
            ]);
        yield return Of<AutoscalingV2.HorizontalPodAutoscaler>(ColumnsOfAutoscalers(), (scaler, now) =>
            [
                scaler.Name, $"{scaler.Spec.ScaleTargetRef?.Kind}/{scaler.Spec.ScaleTargetRef?.Name}",
                AutoscalerTargets.Of(scaler.Spec.Metrics, scaler.Status.CurrentMetrics), MinimumOf(scaler.Spec.MinReplicas),
                Number(scaler.Spec.MaxReplicas), Number(scaler.Status.CurrentReplicas), Age(scaler, now),
            ]);
    }

    private static ColumnSet ColumnsOfReplicas() => ColumnSet.Named()
        .Integer("Desired", "Pods that are wanted.")
        .Integer("Current", "Pods that are there.")
        .Integer("Ready", "Pods that are ready.")
        .Age().Containers().Selector();

    private static ColumnSet ColumnsOfAutoscalers() => ColumnSet.Named()
        .Text("Reference", "What it scales.")
        .Text("Targets", "Its metrics: what is measured, and what is aimed at.")
        .Text("MinPods", "The fewest pods it leaves.")
        .Text("MaxPods", "The most pods it makes.")
        .Text("Replicas", "Pods that are there.")
        .Age();

    private static long Number(int? value) => value ?? 0;

    private static string Share(int? part, int? whole) => string.Create(CultureInfo.InvariantCulture, $"{part ?? 0}/{whole ?? 0}");

    private static string MinimumOf(int? replicas) => replicas?.ToString(CultureInfo.InvariantCulture) ?? "<unset>";

    private static string StatusOf(Job job)
    {
        bool Has(string type) => job.Status.Conditions.OrEmpty().Any(
            condition => condition.Type == type && condition.Status == "True");
        if (Has("Complete"))
            return "Complete";
        if (Has("Failed"))
            return "Failed";
        if (job.Metadata.DeletionTimestamp is not null)
            return "Terminating";
        if (Has("Suspended"))
            return "Suspended";
        if (Has("FailureTarget"))
            return "FailureTarget";
        return Has("SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
    }

    private static string CompletionsOf(Job job)
    {
        if (job.Spec.Completions is { } wanted)
            return Share(job.Status.Succeeded, wanted);
        string done = Share(job.Status.Succeeded, 1);
        return job.Spec.Parallelism > 1 ? string.Create(CultureInfo.InvariantCulture, $"{done} of {job.Spec.Parallelism}") : done;
    }

    private static string DurationOf(Job job, DateTimeOffset now) => job.Status.StartTime is { } start
        ? HumanDuration.Format((job.Status.CompletionTime ?? now) - start)
        : "";

    private static object?[] CronJobCells(CronJob job, DateTimeOffset now)
    {
        var template = job.Spec.JobTemplate?.Spec.Template ?? new PodTemplateSpec();
        return
        [
            job.Name, job.Spec.Schedule ?? "", job.Spec.TimeZone ?? "<none>",
            job.Spec.Suspend switch { null => "<unset>", true => "True", false => "False" },
            (long)job.Status.Active.OrEmpty().Count,
            job.Status.LastScheduleTime is { } last ? HumanDuration.Since(last, now) : "<none>", Age(job, now),
            ContainerNames(template), ContainerImages(template), LabelText.OfSelector(job.Spec.JobTemplate?.Spec.Selector),
        ];
    }

    private static string ControllerOf(ControllerRevision revision)
    {
        if (revision.ControllerOwner is not { } owner)
            return "<none>";
        int slash = (owner.ApiVersion ?? "").IndexOf('/');
        string group = slash < 0 ? "" : "." + owner.ApiVersion![..slash];
        return $"{(owner.Kind + group).ToLowerInvariant()}/{owner.Name}";
    }
}
