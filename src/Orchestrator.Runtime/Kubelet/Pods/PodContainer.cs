using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pods;

internal enum PodContainerKind
{
    Init,
    Sidecar,
    Regular,
    Ephemeral,
}

/// <summary>A container of a pod's spec and what it is there for.</summary>
internal readonly record struct PodContainer(Container Spec, PodContainerKind Kind)
{
    public string Name => Spec.Name ?? "";

    /// <summary>The path of it in the pod, as events name it.</summary>
    public string FieldPath => Kind switch
    {
        PodContainerKind.Init or PodContainerKind.Sidecar => $"spec.initContainers{{{Name}}}",
        PodContainerKind.Ephemeral => $"spec.ephemeralContainers{{{Name}}}",
        _ => $"spec.containers{{{Name}}}",
    };

    /// <summary>A running container of another hash is not what the spec asks for any more.</summary>
    public string Hash => Spec.Image ?? "";

    /// <summary>All of a pod's containers, in the order in which they may start.</summary>
    public static IEnumerable<PodContainer> Of(Pod pod) =>
        InitOf(pod).Concat(RegularOf(pod)).Concat(EphemeralOf(pod));

    public static IEnumerable<PodContainer> InitOf(Pod pod) => pod.Spec.InitContainers.OrEmpty()
        .Select(spec => new PodContainer(spec, spec.RestartPolicy == "Always" ? PodContainerKind.Sidecar : PodContainerKind.Init));

    public static IEnumerable<PodContainer> RegularOf(Pod pod) =>
        pod.Spec.Containers.OrEmpty().Select(spec => new PodContainer(spec, PodContainerKind.Regular));

    public static IEnumerable<PodContainer> EphemeralOf(Pod pod) => pod.Spec.EphemeralContainers.OrEmpty()
        .Select(spec => new PodContainer(ToContainer(spec), PodContainerKind.Ephemeral));

    private static Container ToContainer(EphemeralContainer spec) => new()
    {
        Name = spec.Name,
        Image = spec.Image,
        ImagePullPolicy = spec.ImagePullPolicy,
        Command = spec.Command,
        Args = spec.Args,
        WorkingDir = spec.WorkingDir,
        Env = spec.Env,
        EnvFrom = spec.EnvFrom,
        VolumeMounts = spec.VolumeMounts,
        Stdin = spec.Stdin,
        Tty = spec.Tty,
    };
}
