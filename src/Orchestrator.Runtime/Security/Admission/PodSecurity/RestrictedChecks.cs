using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;

namespace Orchestrator.Runtime.Security.Admission.PodSecurity;

/// <summary>What a hardened pod must say of itself.</summary>
internal static class RestrictedChecks
{
    private const string Unrestricted = "unrestricted capabilities";

    public static PodSecurityCheck[] All { get; } =
    [
        new("allowPrivilegeEscalation", PrivilegeEscalation),
        new("capabilities_restricted", DroppedCapabilities),
        new("restrictedVolumes", Volumes),
        new("runAsNonRoot", RunAsNonRoot),
        new("runAsUser", RunAsUser),
        new("seccompProfile_restricted", Seccomp),
    ];

    private static Violation? PrivilegeEscalation(PodUnderTest pod)
    {
        if (pod.IsWindows)
            return null;
        var containers = pod.Where(container => container.Security?.AllowPrivilegeEscalation != false);
        return containers.Count == 0 ? null
            : new("allowPrivilegeEscalation != false", $"{Words.Containers(containers)} must set securityContext.allowPrivilegeEscalation=false");
    }

    private static Violation? DroppedCapabilities(PodUnderTest pod)
    {
        if (pod.IsWindows)
            return null;
        IEnumerable<string> Added(ContainerUnderTest container) => (container.Security?.Capabilities?.Add).OrEmpty().Where(name => name != "NET_BIND_SERVICE");
        var keeping = pod.Where(container => !(container.Security?.Capabilities?.Drop).OrEmpty().Contains("ALL"));
        var adding = pod.Where(container => Added(container).Any());
        var details = new List<string>();
        if (keeping.Count > 0)
            details.Add($"{Words.Containers(keeping)} must set securityContext.capabilities.drop=[\"ALL\"]");
        if (adding.Count > 0)
            details.Add($"{Words.Containers(adding)} must not include {Words.Sorted(pod.Containers.SelectMany(Added))} in securityContext.capabilities.add");
        return details.Count == 0 ? null : new(Unrestricted, string.Join("; ", details));
    }

    private static Violation? Volumes(PodUnderTest pod)
    {
        var bad = pod.Spec.Volumes.OrEmpty().Where(volume => !IsAllowed(volume)).ToList();
        if (bad.Count == 0)
            return null;
        var types = bad.Select(TypeOf).Distinct().ToList();
        return new("restricted volume types",
            $"{Words.Plural("volume", "volumes", bad.Count)} {string.Join(", ", bad.Select(volume => Quoted.Text(volume.Name)))} "
            + $"{Words.Plural("uses", "use", bad.Count)} restricted volume {Words.Plural("type", "types", types.Count)} {Words.Sorted(types)}");
    }

    private static bool IsAllowed(Volume volume) => volume.ConfigMap is not null || volume.Csi is not null || volume.DownwardAPI is not null
        || volume.EmptyDir is not null || volume.Ephemeral is not null || volume.PersistentVolumeClaim is not null
        || volume.Projected is not null || volume.Secret is not null || volume.Image is not null;

    private static string TypeOf(Volume volume) => volume switch
    {
        { HostPath: not null } => "hostPath",
        { GcePersistentDisk: not null } => "gcePersistentDisk",
        { AwsElasticBlockStore: not null } => "awsElasticBlockStore",
        { GitRepo: not null } => "gitRepo",
        { Nfs: not null } => "nfs",
        { Iscsi: not null } => "iscsi",
        { Glusterfs: not null } => "glusterfs",
        { Rbd: not null } => "rbd",
        { FlexVolume: not null } => "flexVolume",
        { Cinder: not null } => "cinder",
        { Cephfs: not null } => "cephfs",
        { Flocker: not null } => "flocker",
        { Fc: not null } => "fc",
        { AzureFile: not null } => "azureFile",
        { VsphereVolume: not null } => "vsphereVolume",
        { Quobyte: not null } => "quobyte",
        { AzureDisk: not null } => "azureDisk",
        { PortworxVolume: not null } => "portworxVolume",
        { ScaleIO: not null } => "scaleIO",
        { Storageos: not null } => "storageos",
        _ => "unknown",
    };

    private static Violation? RunAsNonRoot(PodUnderTest pod)
    {
        const string reason = "runAsNonRoot != true";
        bool? ofPod = pod.Security?.RunAsNonRoot;
        var opposing = pod.Where(container => container.Security?.RunAsNonRoot == false);
        // A pod that says no is only wrong where no container says otherwise.
        var silent = pod.Where(container => container.Security?.RunAsNonRoot is null);
        bool isPodOpposing = ofPod == false && silent.Count > 0;
        if (Words.Setters(isPodOpposing, opposing) is { } setters)
            return new(reason, $"{setters} must not set securityContext.runAsNonRoot=false");
        return ofPod == true || silent.Count == 0 ? null
            : new(reason, $"pod or {Words.Containers(silent)} must set securityContext.runAsNonRoot=true");
    }

    private static Violation? RunAsUser(PodUnderTest pod)
    {
        var containers = pod.Where(container => container.Security?.RunAsUser == 0);
        return Words.Setters(pod.Security?.RunAsUser == 0, containers) is not { } setters ? null
            : new("runAsUser=0", $"{setters} must not set runAsUser=0");
    }

    private static Violation? Seccomp(PodUnderTest pod)
    {
        if (pod.IsWindows)
            return null;
        if (BaselineChecks.SeccompSetters(pod) is { } set)
            return set;
        var silent = pod.Where(container => container.Security?.SeccompProfile is null);
        return pod.Security?.SeccompProfile is not null || silent.Count == 0 ? null : new("seccompProfile",
            $"pod or {Words.Containers(silent)} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"");
    }
}
