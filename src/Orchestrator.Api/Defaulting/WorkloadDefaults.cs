using Orchestrator.Api.AppsV1;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Defaulting;

/// <summary>Defaults of the kinds that keep a number of pods running.</summary>
internal static class WorkloadDefaults
{
    private const int HistoryLimit = 10;

    public static void Apply(Deployment deployment)
    {
        var spec = deployment.Spec;
        PodDefaults.Apply(spec.Template.Spec);
        spec.Replicas ??= 1;
        spec.Strategy ??= new DeploymentStrategy();
        spec.Strategy.Type = Defaults.Filled(spec.Strategy.Type, "RollingUpdate");
        if (spec.Strategy.Type == "RollingUpdate")
        {
            var rolling = spec.Strategy.RollingUpdate ??= new RollingUpdateDeployment();
            rolling.MaxUnavailable ??= IntOrString.FromString("25%");
            rolling.MaxSurge ??= IntOrString.FromString("25%");
        }
        spec.RevisionHistoryLimit ??= HistoryLimit;
        spec.ProgressDeadlineSeconds ??= 600;
    }

    public static void Apply(ReplicaSet set)
    {
        PodDefaults.Apply(set.Spec.Template.Spec);
        set.Spec.Replicas ??= 1;
    }

    public static void Apply(ReplicationController controller)
    {
        var spec = controller.Spec;
        PodDefaults.Apply(spec.Template.Spec);
        if (spec.Template.Metadata.Labels is { } labels)
        {
            if (spec.Selector is not { Count: > 0 })
                spec.Selector = new Dictionary<string, string>(labels, StringComparer.Ordinal);
            if (controller.Metadata.Labels is not { Count: > 0 })
                controller.Metadata.Labels = new Dictionary<string, string>(labels, StringComparer.Ordinal);
        }
        spec.Replicas ??= 1;
    }

    public static void Apply(StatefulSet set)
    {
        var spec = set.Spec;
        PodDefaults.Apply(spec.Template.Spec);
        spec.PodManagementPolicy = Defaults.Filled(spec.PodManagementPolicy, "OrderedReady");
        spec.UpdateStrategy ??= new StatefulSetUpdateStrategy();
        spec.UpdateStrategy.Type = Defaults.Filled(spec.UpdateStrategy.Type, "RollingUpdate");
        if (spec.UpdateStrategy.Type == "RollingUpdate")
        {
            spec.UpdateStrategy.RollingUpdate ??= new RollingUpdateStatefulSetStrategy();
            spec.UpdateStrategy.RollingUpdate.Partition ??= 0;
        }
        var retention = spec.PersistentVolumeClaimRetentionPolicy ??= new StatefulSetPersistentVolumeClaimRetentionPolicy();
        retention.WhenDeleted = Defaults.Filled(retention.WhenDeleted, "Retain");
        retention.WhenScaled = Defaults.Filled(retention.WhenScaled, "Retain");
        spec.Replicas ??= 1;
        spec.RevisionHistoryLimit ??= HistoryLimit;
        foreach (var claim in spec.VolumeClaimTemplates.OrEmpty())
        {
            claim.ApiVersion = Defaults.Filled(claim.ApiVersion, "v1");
            claim.Kind = Defaults.Filled(claim.Kind, "PersistentVolumeClaim");
            StorageDefaults.Apply(claim);
        }
    }

    public static void Apply(DaemonSet set)
    {
        var spec = set.Spec;
        PodDefaults.Apply(spec.Template.Spec);
        spec.UpdateStrategy ??= new DaemonSetUpdateStrategy();
        spec.UpdateStrategy.Type = Defaults.Filled(spec.UpdateStrategy.Type, "RollingUpdate");
        if (spec.UpdateStrategy.Type == "RollingUpdate")
        {
            var rolling = spec.UpdateStrategy.RollingUpdate ??= new RollingUpdateDaemonSet();
            rolling.MaxUnavailable ??= IntOrString.FromInt(1);
            rolling.MaxSurge ??= IntOrString.FromInt(0);
        }
        spec.RevisionHistoryLimit ??= HistoryLimit;
    }
}
