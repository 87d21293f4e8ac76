using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Security.Authorization;

/// <summary>What a pod's spec refers to, by kind: what its node therefore needs.</summary>
internal static class PodReferences
{
    public static bool UsesSecret(Pod pod, string name)
    {
        if (pod.Spec.ImagePullSecrets.OrEmpty().Any(secret => secret.Name == name))
            return true;
        if (AllContainers(pod).Any(container => ContainerUsesSecret(container.Env, container.EnvFrom, name)))
            return true;
        return pod.Spec.Volumes.OrEmpty().Any(volume => VolumeSecrets(volume).Contains(name));
    }

    public static bool UsesConfigMap(Pod pod, string name)
    {
        if (AllContainers(pod).Any(container => ContainerUsesConfigMap(container.Env, container.EnvFrom, name)))
            return true;
        return pod.Spec.Volumes.OrEmpty().Any(volume => volume.ConfigMap?.Name == name
            || (volume.Projected?.Sources).OrEmpty().Any(source => source.ConfigMap?.Name == name));
    }

    public static bool UsesClaim(Pod pod, string name) => pod.Spec.Volumes.OrEmpty().Any(volume =>
        volume.PersistentVolumeClaim?.ClaimName == name || (volume.Ephemeral is not null && $"{pod.Name}-{volume.Name}" == name));

    public static bool UsesServiceAccount(Pod pod, string name) => pod.Spec.ServiceAccountName == name;

    public static IEnumerable<string> Claims(Pod pod)
    {
        foreach (var volume in pod.Spec.Volumes.OrEmpty())
        {
            if (volume.PersistentVolumeClaim?.ClaimName is { Length: > 0 } claim)
                yield return claim;
            else if (volume.Ephemeral is not null)
                yield return $"{pod.Name}-{volume.Name}";
        }
    }

    /// <summary>Does it refer to any secret, config map, claim, service account?</summary>
    public static bool HasSecrets(Pod pod) => pod.Spec.ImagePullSecrets is { Count: > 0 }
        || AllContainers(pod).Any(container => container.Env.OrEmpty().Any(env => env.ValueFrom?.SecretKeyRef is not null)
            || container.EnvFrom.OrEmpty().Any(source => source.SecretRef is not null))
        || pod.Spec.Volumes.OrEmpty().Any(volume => VolumeSecrets(volume).Any());

    public static bool HasConfigMaps(Pod pod) =>
        AllContainers(pod).Any(container => container.Env.OrEmpty().Any(env => env.ValueFrom?.ConfigMapKeyRef is not null)
            || container.EnvFrom.OrEmpty().Any(source => source.ConfigMapRef is not null))
        || pod.Spec.Volumes.OrEmpty().Any(volume => volume.ConfigMap is not null
            || (volume.Projected?.Sources).OrEmpty().Any(source => source.ConfigMap is not null));

    /// <summary>All secrets that the volume's driver is given, projected ones too.</summary>
    private static IEnumerable<string> VolumeSecrets(Volume volume)
    {
        string?[] names =
        [
            volume.Secret?.SecretName, volume.AzureFile?.SecretName, volume.Cephfs?.SecretRef?.Name, volume.Cinder?.SecretRef?.Name,
            volume.Csi?.NodePublishSecretRef?.Name, volume.FlexVolume?.SecretRef?.Name, volume.Iscsi?.SecretRef?.Name,
            volume.Rbd?.SecretRef?.Name, volume.ScaleIO?.SecretRef?.Name, volume.Storageos?.SecretRef?.Name,
        ];
        foreach (string? name in names)
        {
            if (!string.IsNullOrEmpty(name))
                yield return name;
        }
        foreach (var source in (volume.Projected?.Sources).OrEmpty())
        {
            if (source.Secret?.Name is { Length: > 0 } projected)
                yield return projected;
        }
    }

    private static bool ContainerUsesSecret(List<EnvVar>? env, List<EnvFromSource>? from, string name) =>
        env.OrEmpty().Any(variable => variable.ValueFrom?.SecretKeyRef?.Name == name)
        || from.OrEmpty().Any(source => source.SecretRef?.Name == name);

    private static bool ContainerUsesConfigMap(List<EnvVar>? env, List<EnvFromSource>? from, string name) =>
        env.OrEmpty().Any(variable => variable.ValueFrom?.ConfigMapKeyRef?.Name == name)
        || from.OrEmpty().Any(source => source.ConfigMapRef?.Name == name);

    private static IEnumerable<(List<EnvVar>? Env, List<EnvFromSource>? EnvFrom)> AllContainers(Pod pod) =>
    [
        .. pod.Spec.InitContainers.OrEmpty().Select(container => (container.Env, container.EnvFrom)),
        .. pod.Spec.Containers.OrEmpty().Select(container => (container.Env, container.EnvFrom)),
        .. pod.Spec.EphemeralContainers.OrEmpty().Select(container => (container.Env, container.EnvFrom)),
    ];
}
