using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>A container's variables: from config maps and secrets, from the pod's own fields, and as they are written.</summary>
/// <param name="services">By which names containers find services; whatever the pod sets itself goes before it.</param>
/// <param name="allocatable">What a container without a limit may use: all that the node has.</param>
internal sealed class ContainerEnvironment(
    IKubeletApi api, Pod pod, string podIp, string nodeName, string nodeIp,
    IReadOnlyList<KeyValuePair<string, string>> services, IReadOnlyDictionary<string, Quantity> allocatable)
{
    private readonly Dictionary<string, ConfigMap?> _configMaps = [];
    private readonly Dictionary<string, Secret?> _secrets = [];

    /// <summary>Later ones of a name take the place of earlier ones.</summary>
    /// <exception cref="ContainerStartException">What is referred to is not there and not optional: CreateContainerConfigError.</exception>
    public async Task<IReadOnlyList<KeyValuePair<string, string>>> ResolveAsync(Container spec, CancellationToken ct)
    {
        var variables = new List<KeyValuePair<string, string>>(services) { new("HOSTNAME", SandboxConfigs.Hostname(pod)) };
        foreach (EnvFromSource source in spec.EnvFrom.OrEmpty())
        {
            foreach (var (key, value) in await AllOfAsync(source, ct))
                variables.Add(new(source.Prefix + key, value));
        }
        foreach (EnvVar variable in spec.Env.OrEmpty())
        {
            string? value = variable.ValueFrom is { } from ? await OneOfAsync(from, spec, ct) : Expand(variable.Value ?? "", variables);
            if (value is not null)
                variables.Add(new(variable.Name ?? "", value));
        }
        return [.. variables.GroupBy(variable => variable.Key).Select(group => group.Last())];
    }

    /// <summary>Checks what a volume mount's expression becomes: a path below the volume's root.</summary>
    /// <exception cref="ContainerStartException">It is none: CreateContainerConfigError.</exception>
    public static void CheckSubPaths(Container spec, IReadOnlyList<KeyValuePair<string, string>> variables)
    {
        foreach (VolumeMount mount in spec.VolumeMounts.OrEmpty())
            SubPathOf(mount, variables);
    }

    /// <summary>Which part of its volume a mount is of: a path below the volume's root; empty for the whole.</summary>
    /// <exception cref="ContainerStartException">Its expression is none: CreateContainerConfigError.</exception>
    public static string SubPathOf(VolumeMount mount, IReadOnlyList<KeyValuePair<string, string>> variables)
    {
        if (string.IsNullOrEmpty(mount.SubPathExpr))
            return mount.SubPath ?? "";
        string path = ExpandAll(mount.SubPathExpr, variables, out IReadOnlyList<string> missing);
        if (missing.Count > 0)
            throw Missing($"missing value for {string.Join(", ", missing.Select(name => $"\"{name}\""))}");
        if (path.StartsWith('/'))
            throw Missing($"error SubPath `{path}` must not be an absolute path");
        if (path.Split('/').Contains(".."))
            throw Missing($"unable to provision SubPath `{path}`: must not contain '..'");
        return path;
    }

    private async Task<IEnumerable<KeyValuePair<string, string>>> AllOfAsync(EnvFromSource source, CancellationToken ct)
    {
        if (source.ConfigMapRef is { } map)
            return (await ConfigMapAsync(map.Name, map.Optional, ct))?.Data.OrEmpty() ?? [];
        if (source.SecretRef is { } secret)
            return (await SecretAsync(secret.Name, secret.Optional, ct))?.Data.OrEmpty().Select(entry => KeyValuePair.Create(entry.Key, Text(entry.Value))) ?? [];
        return [];
    }

    /// <returns>Null for what is optional and not there.</returns>
    private async Task<string?> OneOfAsync(EnvVarSource from, Container spec, CancellationToken ct)
    {
        if (from.FieldRef is { } field)
            return FieldValue(field.FieldPath ?? "");
        if (from.ResourceFieldRef is { } resource)
            return ResourceValue(resource, spec);
        if (from.ConfigMapKeyRef is { } map)
        {
            ConfigMap? found = await ConfigMapAsync(map.Name, map.Optional, ct);
            string? value = found?.Data.OrEmpty().GetValueOrDefault(map.Key ?? "");
            return value is null && map.Optional != true ? throw Missing($"couldn't find key {map.Key} in ConfigMap {pod.Namespace}/{map.Name}") : value;
        }
        if (from.SecretKeyRef is { } secret)
        {
            Secret? found = await SecretAsync(secret.Name, secret.Optional, ct);
            byte[]? value = found?.Data.OrEmpty().GetValueOrDefault(secret.Key ?? "");
            if (value is null && secret.Optional != true)
                throw Missing($"couldn't find key {secret.Key} in Secret {pod.Namespace}/{secret.Name}");
            return value is null ? null : Text(value);
        }
        return null;
    }

    private async Task<ConfigMap?> ConfigMapAsync(string? name, bool? isOptional, CancellationToken ct)
    {
        if (!_configMaps.TryGetValue(name ?? "", out ConfigMap? found))
            _configMaps[name ?? ""] = found = await api.FindAsync<ConfigMap>(pod.Namespace, name ?? "", ct);
        return found is null && isOptional != true ? throw Missing($"configmap \"{name}\" not found") : found;
    }

    private async Task<Secret?> SecretAsync(string? name, bool? isOptional, CancellationToken ct)
    {
        if (!_secrets.TryGetValue(name ?? "", out Secret? found))
            _secrets[name ?? ""] = found = await api.FindAsync<Secret>(pod.Namespace, name ?? "", ct);
        return found is null && isOptional != true ? throw Missing($"secret \"{name}\" not found") : found;
    }

    private static ContainerStartException Missing(string message) => new(new WaitingReason("CreateContainerConfigError", message), null);

    private static string Text(byte[] value) => System.Text.Encoding.UTF8.GetString(value);

    private string ResourceValue(ResourceFieldSelector field, Container own) =>
        DownwardValues.OfResource(field.ContainerName is { Length: > 0 } name ? Find(name) : own, field, allocatable);

    private Container Find(string name) =>
        pod.Spec.InitContainers.OrEmpty().Concat(pod.Spec.Containers.OrEmpty()).FirstOrDefault(container => container.Name == name)
        ?? throw Missing($"container {name} not found");

    /// <summary><c>$(NAME)</c> of a variable that was set before; <c>$$</c> stands for one dollar.</summary>
    internal static string Expand(string text, IReadOnlyList<KeyValuePair<string, string>> variables) =>
        ExpandAll(text, variables, out _);

    /// <param name="missing">Names that stand in the text and have no value.</param>
    private static string ExpandAll(string text, IReadOnlyList<KeyValuePair<string, string>> variables, out IReadOnlyList<string> missing)
    {
        var unknown = new List<string>();
        missing = unknown;
        var expanded = new System.Text.StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            int end = i + 1 < text.Length && text[i] == '$' && text[i + 1] == '(' ? text.IndexOf(')', i) : -1;
            int known = end < 0 ? -1 : LastOf(variables, text[(i + 2)..end]);
            if (known >= 0)
            {
                expanded.Append(variables[known].Value);
                i = end;
                continue;
            }
            if (end >= 0)
                unknown.Add(text[(i + 2)..end]);
            expanded.Append(text[i]);
            if (text[i] == '$' && i + 1 < text.Length && text[i + 1] == '$')
                i++;
        }
        return expanded.ToString();
    }

    private static int LastOf(IReadOnlyList<KeyValuePair<string, string>> variables, string name)
    {
        for (int i = variables.Count - 1; i >= 0; i--)
        {
            if (variables[i].Key == name)
                return i;
        }
        return -1;
    }

    private string FieldValue(string path) => path switch
    {
        "metadata.name" => pod.Name,
        "metadata.namespace" => pod.Namespace,
        "metadata.uid" => pod.Uid,
        "spec.nodeName" => nodeName,
        "spec.serviceAccountName" => pod.Spec.ServiceAccountName ?? "",
        "status.podIP" or "status.podIPs" => podIp,
        "status.hostIP" or "status.hostIPs" => nodeIp,
        _ => DownwardValues.OfMap(pod, path),
    };
}
