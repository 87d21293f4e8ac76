using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>A pod's spec in the runtime's words.</summary>
internal static class SandboxConfigs
{
    private const int HostnameLimit = 63;

    public static PodSandboxConfig For(Pod pod, int attempt)
    {
        var labels = new Dictionary<string, string>(pod.Labels)
        {
            ["io.kubernetes.pod.name"] = pod.Name,
            ["io.kubernetes.pod.namespace"] = pod.Namespace,
            ["io.kubernetes.pod.uid"] = pod.Uid,
        };
        var annotations = new Dictionary<string, string>(pod.Annotations) { [CriAnnotations.RestartPolicy] = pod.Spec.RestartPolicy ?? "Always" };
        return new PodSandboxConfig(pod.Name, pod.Namespace, pod.Uid, attempt, Hostname(pod), pod.Spec.HostNetwork == true, labels, annotations);
    }

    public static ContainerConfig For(Pod pod, PodContainer container, int attempt, string podIp, string nodeName, string nodeIp)
    {
        Container spec = container.Spec;
        List<KeyValuePair<string, string>> environment =
        [
            new("HOSTNAME", Hostname(pod)),
            .. spec.Env.OrEmpty().Select(variable => KeyValuePair.Create(
                variable.Name ?? "",
                variable.Value ?? FieldValue(pod, variable.ValueFrom?.FieldRef?.FieldPath, podIp, nodeName, nodeIp))),
        ];
        var annotations = new Dictionary<string, string>(pod.Annotations)
        {
            [CriAnnotations.RestartPolicy] = pod.Spec.RestartPolicy ?? "Always",
            [CriAnnotations.ContainerKind] = container.Kind.ToString().ToLowerInvariant(),
            [CriAnnotations.ContainerHash] = container.Hash,
        };
        return new ContainerConfig(
            container.Name, attempt, spec.Image ?? "", spec.Command.OrEmpty(), spec.Args.OrEmpty(), spec.WorkingDir ?? "", environment,
            spec.Stdin == true, spec.Tty == true, annotations);
    }

    private static string Hostname(Pod pod)
    {
        string name = string.IsNullOrEmpty(pod.Spec.Hostname) ? pod.Name : pod.Spec.Hostname;
        return name.Length <= HostnameLimit ? name : name[..HostnameLimit].TrimEnd('-', '.');
    }

    private static string FieldValue(Pod pod, string? path, string podIp, string nodeName, string nodeIp) => path switch
    {
        "metadata.name" => pod.Name,
        "metadata.namespace" => pod.Namespace,
        "metadata.uid" => pod.Uid,
        "spec.nodeName" => nodeName,
        "spec.serviceAccountName" => pod.Spec.ServiceAccountName ?? "",
        "status.podIP" or "status.podIPs" => podIp,
        "status.hostIP" or "status.hostIPs" => nodeIp,
        _ => MapValue(pod, path ?? ""),
    };

    private static string MapValue(Pod pod, string path)
    {
        foreach (var (prefix, map) in new[] { ("metadata.labels['", pod.Labels), ("metadata.annotations['", pod.Annotations) })
        {
            if (path.StartsWith(prefix, StringComparison.Ordinal) && path.EndsWith("']", StringComparison.Ordinal))
                return map.GetValueOrDefault(path[prefix.Length..^2], "");
        }
        return "";
    }
}
