using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>Which files the API's objects become in a volume: pure functions of the objects.</summary>
internal static class Projections
{
    public const int DefaultMode = 0x1A4; // 0644

    /// <param name="map">Null where there is none.</param>
    /// <param name="items">The keys that are wanted; none: all, by their own names.</param>
    /// <exception cref="VolumeException">There is no such map or key, and it is not optional.</exception>
    public static Dictionary<string, ProjectedFile> Of(
        ConfigMap? map, string name, IReadOnlyList<KeyToPath>? items, int? defaultMode, bool isOptional)
    {
        if (map is null && !isOptional)
            throw new VolumeException($"configmap \"{name}\" not found");
        var content = new Dictionary<string, byte[]>();
        foreach (var (key, text) in (map?.Data).OrEmpty())
            content[key] = Encoding.UTF8.GetBytes(text);
        foreach (var (key, bytes) in (map?.BinaryData).OrEmpty())
            content[key] = bytes;
        return Pick(content, items, defaultMode, isOptional, key => $"configmap references non-existent config key: {key}");
    }

    /// <inheritdoc cref="Of(ConfigMap?, string, IReadOnlyList{KeyToPath}?, int?, bool)"/>
    public static Dictionary<string, ProjectedFile> Of(
        Secret? secret, string name, IReadOnlyList<KeyToPath>? items, int? defaultMode, bool isOptional)
    {
        if (secret is null && !isOptional)
            throw new VolumeException($"secret \"{name}\" not found");
        return Pick((secret?.Data).OrEmpty(), items, defaultMode, isOptional, key => $"references non-existent secret key: {key}");
    }

    /// <param name="allocatable">What a container without a limit may use: all that the node has.</param>
    public static Dictionary<string, ProjectedFile> Of(
        Pod pod, IReadOnlyList<DownwardAPIVolumeFile>? items, int? defaultMode, IReadOnlyDictionary<string, Quantity> allocatable)
    {
        var files = new Dictionary<string, ProjectedFile>();
        foreach (DownwardAPIVolumeFile item in items ?? [])
        {
            string text = item.FieldRef is { } field ? DownwardValues.OfField(pod, field.FieldPath ?? "")
                : item.ResourceFieldRef is { } resource ? ResourceOf(pod, resource, allocatable)
                : "";
            files[item.Path ?? ""] = new ProjectedFile(Encoding.UTF8.GetBytes(text), Mode(item.Mode ?? defaultMode));
        }
        return files;
    }

    public static UnixFileMode Mode(int? mode) => (UnixFileMode)((mode ?? DefaultMode) & 0xFFF);

    private static Dictionary<string, ProjectedFile> Pick(
        IReadOnlyDictionary<string, byte[]> content, IReadOnlyList<KeyToPath>? items, int? defaultMode, bool isOptional, Func<string, string> missing)
    {
        if (items is not { Count: > 0 })
            return content.ToDictionary(entry => entry.Key, entry => new ProjectedFile(entry.Value, Mode(defaultMode)));
        var files = new Dictionary<string, ProjectedFile>();
        foreach (KeyToPath item in items)
        {
            if (content.TryGetValue(item.Key ?? "", out byte[]? bytes))
                files[item.Path ?? ""] = new ProjectedFile(bytes, Mode(item.Mode ?? defaultMode));
            else if (!isOptional)
                throw new VolumeException(missing(item.Key ?? ""));
        }
        return files;
    }

    private static string ResourceOf(Pod pod, ResourceFieldSelector resource, IReadOnlyDictionary<string, Quantity> allocatable)
    {
        Container container = pod.Spec.InitContainers.OrEmpty().Concat(pod.Spec.Containers.OrEmpty())
            .FirstOrDefault(container => container.Name == resource.ContainerName)
            ?? throw new VolumeException($"container {resource.ContainerName} not found");
        return DownwardValues.OfResource(container, resource, allocatable);
    }
}
