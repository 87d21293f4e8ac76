using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>A pod's spec in the runtime's words.</summary>
internal static class SandboxConfigs
{
    private const int HostnameLimit = 63;

    public static PodSandboxConfig For(Pod pod, int attempt, KubeletOptions options)
    {
        var labels = new Dictionary<string, string>(pod.Labels)
        {
            ["io.kubernetes.pod.name"] = pod.Name,
            ["io.kubernetes.pod.namespace"] = pod.Namespace,
            ["io.kubernetes.pod.uid"] = pod.Uid,
        };
        var annotations = new Dictionary<string, string>(pod.Annotations) { [CriAnnotations.RestartPolicy] = pod.Spec.RestartPolicy ?? "Always" };
        var config = new PodSandboxConfig(
            pod.Name, pod.Namespace, pod.Uid, attempt, Hostname(pod), pod.Spec.HostNetwork == true, labels, annotations);
        return options.Containers is { } settings ? LinuxPods.Complete(config, pod, settings) : config;
    }

    public static ContainerConfig For(Pod pod, PodContainer container, int attempt, IReadOnlyList<KeyValuePair<string, string>> environment)
    {
        Container spec = container.Spec;
        var annotations = new Dictionary<string, string>(pod.Annotations)
        {
            [CriAnnotations.RestartPolicy] = pod.Spec.RestartPolicy ?? "Always",
            [CriAnnotations.ContainerKind] = container.Kind.ToString().ToLowerInvariant(),
            [CriAnnotations.ContainerHash] = container.Hash,
        };
        return new ContainerConfig(
            container.Name, attempt, spec.Image ?? "", Expanded(spec.Command), Expanded(spec.Args), spec.WorkingDir ?? "", environment,
            spec.Stdin == true, spec.Tty == true, annotations);

        List<string> Expanded(List<string>? words) => [.. words.OrEmpty().Select(word => ContainerEnvironment.Expand(word, environment))];
    }

    public static string Hostname(Pod pod)
    {
        string name = string.IsNullOrEmpty(pod.Spec.Hostname) ? pod.Name : pod.Spec.Hostname;
        return name.Length <= HostnameLimit ? name : name[..HostnameLimit].TrimEnd('-', '.');
    }
}
