using System.Globalization;
using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.StatefulSets;

/// <summary>The pods and claims of a StatefulSet, each with its place in the row.</summary>
internal static class StatefulPods
{
    public const string PodNameLabel = "statefulset.kubernetes.io/pod-name";
    public const string PodIndexLabel = "apps.kubernetes.io/pod-index";

    public static string NameOf(StatefulSet set, int ordinal) =>
        $"{set.Name}-{ordinal.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>A pod's place; null if its name is none of the set's.</summary>
    public static int? OrdinalOf(StatefulSet set, string podName)
    {
        if (!podName.StartsWith(set.Name + "-", StringComparison.Ordinal))
            return null;
        string digits = podName[(set.Name.Length + 1)..];
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal)
            && NameOf(set, ordinal) == podName ? ordinal : null;
    }

    public static string ClaimName(StatefulSet set, PersistentVolumeClaim template, int ordinal) =>
        $"{template.Name}-{NameOf(set, ordinal)}";

    /// <summary>Whether a claim bears the name of one of the set's.</summary>
    public static bool MayOwn(StatefulSet set, PersistentVolumeClaim claim) => set.Spec.VolumeClaimTemplates.OrEmpty().Exists(template =>
        claim.Name.StartsWith(template.Name + "-", StringComparison.Ordinal) && OrdinalOf(set, claim.Name[(template.Name.Length + 1)..]) is not null);

    public static Pod Make(StatefulSet set, PodTemplateSpec template, string revision, int ordinal)
    {
        var pod = PodTemplates.CreatePod(template, set);
        pod.Metadata.GenerateName = null;
        pod.Metadata.Name = NameOf(set, ordinal);
        (pod.Metadata.Labels ??= [])[RevisionHistory.RevisionLabel] = revision;
        pod.Spec.Hostname = pod.Metadata.Name;
        pod.Spec.Subdomain = string.IsNullOrEmpty(set.Spec.ServiceName) ? null : set.Spec.ServiceName;
        Identify(pod, set, ordinal);
        return pod;
    }

    /// <summary>Gives a pod the labels and volumes of its place.</summary>
    /// <returns>Whether it lacked one.</returns>
    public static bool Identify(Pod pod, StatefulSet set, int ordinal)
    {
        var labels = pod.Metadata.Labels ??= [];
        string index = ordinal.ToString(CultureInfo.InvariantCulture);
        bool changed = labels.GetValueOrDefault(PodNameLabel) != pod.Name;
        labels[PodNameLabel] = pod.Name;
        // The index came later: a pod without it is not written for its sake.
        if (pod.Uid.Length == 0)
            labels[PodIndexLabel] = index;
        foreach (var template in set.Spec.VolumeClaimTemplates.OrEmpty())
            changed |= Mount(pod, template.Name, ClaimName(set, template, ordinal));
        return changed;
    }

    private static bool Mount(Pod pod, string volumeName, string claimName)
    {
        var volumes = pod.Spec.Volumes ??= [];
        var former = volumes.FirstOrDefault(volume => volume.Name == volumeName);
        if (former?.PersistentVolumeClaim?.ClaimName == claimName)
            return false;
        if (former is not null)
            volumes.Remove(former);
        volumes.Add(new Volume
        {
            Name = volumeName,
            PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = claimName },
        });
        return true;
    }

    public static PersistentVolumeClaim MakeClaim(StatefulSet set, PersistentVolumeClaim template, int ordinal)
    {
        var claim = template.DeepClone();
        claim.Metadata.Name = ClaimName(set, template, ordinal);
        claim.Metadata.Namespace = set.Namespace;
        var labels = claim.Metadata.Labels ??= [];
        foreach (var (key, value) in (set.Spec.Selector?.MatchLabels).OrEmpty())
            labels[key] = value;
        claim.Status = new PersistentVolumeClaimStatus();
        return claim;
    }

    public static bool IsRunningAndReady(Pod? pod) => pod is { Status.Phase: "Running" } && pod.IsReady();

    public static bool IsRunningAndAvailable(Pod? pod, int minReadySeconds, DateTimeOffset now) =>
        IsRunningAndReady(pod) && pod!.IsAvailable(minReadySeconds, now);

    public static bool IsHealthy(Pod? pod) => IsRunningAndReady(pod) && !pod!.IsBeingDeleted;

    public static string RevisionOf(Pod pod) => pod.Labels.GetValueOrDefault(RevisionHistory.RevisionLabel) ?? "";
}
