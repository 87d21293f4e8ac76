using System.Globalization;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.NetworkingV1;
using Orchestrator.Api.StorageV1;

namespace Orchestrator.Api.Strategies;

/// <summary>What is allowed in other kinds and still hardly meant.</summary>
internal static class MiscellaneousWarnings
{
    private const string IngressClassAnnotation = "kubernetes.io/ingress.class";
    private const string StorageClassAnnotation = "volume.beta.kubernetes.io/storage-class";
    private const string MountOptionsAnnotation = "volume.beta.kubernetes.io/mount-options";
    private const string TopologyHintsAnnotation = "service.kubernetes.io/topology-aware-hints";
    private const string MountableSecretsAnnotation = "kubernetes.io/enforce-mountable-secrets";

    public static IReadOnlyList<string> Of(Node node)
    {
        var warnings = new List<string>();
        if (node.Spec.ConfigSource is not null)
            warnings.Add("spec.configSource: the feature is no longer available");
        if (!string.IsNullOrEmpty(node.Spec.ExternalID))
            warnings.Add("spec.externalID: this field is deprecated, and is unused by Kubernetes");
        return warnings;
    }

    public static IReadOnlyList<string> Of(ServiceAccount account) => account.Annotations.ContainsKey(MountableSecretsAnnotation)
        ? [$"metadata.annotations[{MountableSecretsAnnotation}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"]
        : [];

    public static IReadOnlyList<string> Of(Service service)
    {
        var spec = service.Spec;
        var warnings = new List<string>();
        if (service.Annotations.ContainsKey(TopologyHintsAnnotation))
            warnings.Add($"annotation {TopologyHintsAnnotation} is deprecated, please use service.kubernetes.io/topology-mode instead");
        if (spec is { Type: "ClusterIP", ClusterIP: "None" })
        {
            if (!string.IsNullOrEmpty(spec.LoadBalancerIP))
                warnings.Add("spec.loadBalancerIP is ignored for headless services");
            if (spec.ExternalIPs is { Count: > 0 })
                warnings.Add("spec.externalIPs is ignored for headless services");
            if (spec.SessionAffinity != "None")
                warnings.Add("spec.SessionAffinity is ignored for headless services");
        }
        if (spec.Type == "ExternalName" && spec.ExternalIPs is { Count: > 0 })
            warnings.Add("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
        if (spec.Type != "ExternalName" && !string.IsNullOrEmpty(spec.ExternalName))
            warnings.Add("spec.externalName is ignored when spec.type is not \"ExternalName\"");
        return warnings;
    }

    public static IReadOnlyList<string> Of(Ingress ingress) => ingress.Annotations.ContainsKey(IngressClassAnnotation)
        ? [$"annotation \"{IngressClassAnnotation}\" is deprecated, please use 'spec.ingressClassName' instead"]
        : [];

    public static IReadOnlyList<string> Of(PersistentVolume volume)
    {
        var warnings = new List<string>();
        if (volume.Annotations.ContainsKey(StorageClassAnnotation))
            warnings.Add($"metadata.annotations[{StorageClassAnnotation}]: deprecated since v1.8; use \"storageClassName\" attribute instead");
        if (volume.Annotations.ContainsKey(MountOptionsAnnotation))
            warnings.Add($"metadata.annotations[{MountOptionsAnnotation}]: deprecated since v1.31; use \"mountOptions\" attribute instead");
        if (volume.Spec.PersistentVolumeReclaimPolicy == "Recycle")
            warnings.Add("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
                + "Instead, the recommended approach is to use dynamic provisioning.");
        AddFraction(warnings, "spec.capacity[storage]", volume.Spec.Capacity);
        foreach (var (source, field, text) in new (object?, string, string)[]
            {
                (volume.Spec.PhotonPersistentDisk, "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
                (volume.Spec.ScaleIO, "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
                (volume.Spec.Storageos, "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
                (volume.Spec.Glusterfs, "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
                (volume.Spec.Quobyte, "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
                (volume.Spec.Flocker, "flocker", "deprecated in v1.22, non-functional in v1.25+"),
                (volume.Spec.Cephfs, "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
                (volume.Spec.Rbd, "rbd", "deprecated in v1.28, non-functional in v1.31+"),
            })
        {
            if (source is not null)
                warnings.Add($"spec.{field}: {text}");
        }
        return warnings;
    }

    public static IReadOnlyList<string> Of(PersistentVolumeClaim claim)
    {
        var warnings = new List<string>();
        if (claim.Annotations.ContainsKey(StorageClassAnnotation))
            warnings.Add($"metadata.annotations[{StorageClassAnnotation}]: deprecated since v1.8; use \"storageClassName\" attribute instead");
        AddFraction(warnings, "spec.resources.requests[storage]", claim.Spec.Resources?.Requests);
        AddFraction(warnings, "spec.resources.limits[storage]", claim.Spec.Resources?.Limits);
        return warnings;
    }

    public static IReadOnlyList<string> Of(StorageClass storage)
    {
        var warnings = new List<string>();
        foreach (var (term, topology) in storage.AllowedTopologies.OrEmpty().Index())
        {
            foreach (var (index, requirement) in topology.MatchLabelExpressions.OrEmpty().Index())
            {
                if (PodWarnings.NodeLabelDeprecation(requirement.Key) is { } message)
                    warnings.Add(string.Create(CultureInfo.InvariantCulture,
                        $"allowedTopologies[{term}].matchLabelExpressions[{index}].key: {requirement.Key} is {message}"));
            }
        }
        return warnings;
    }

    public static IReadOnlyList<string> Of(JobSpec spec) =>
        spec is { CompletionMode: "Indexed", Completions: > 100_000, Parallelism: > 10_000 }
            ? ["In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not "
                + "be able to track completedIndexes when a big number of indexes fail"]
            : [];

    public static IReadOnlyList<string> Of(CronJob job, CronJob? old)
    {
        var warnings = new List<string>();
        if (old is null)
            PodWarnings.AddOwnerName(warnings, job.Name);
        if (job.Spec.JobTemplate is { } template)
            warnings.AddRange(PodWarnings.OfTemplate(
                template.Spec.Template, old?.Spec.JobTemplate?.Spec.Template, "spec.jobTemplate.spec.template"));
        if ((job.Spec.Schedule ?? "").Contains("TZ", StringComparison.Ordinal))
            warnings.Add($"CRON_TZ or TZ used in {GoText.Quote("spec.schedule")} is not officially supported, "
                + "see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details");
        return warnings;
    }

    private static void AddFraction(List<string> warnings, string place, Dictionary<string, Quantity>? amounts)
    {
        if (amounts.OrEmpty().TryGetValue("storage", out var amount) && amount.MilliValue % 1000 != 0)
            warnings.Add($"{place}: fractional byte value {GoText.Quote(amount.ToString())} is invalid, must be an integer");
    }
}
