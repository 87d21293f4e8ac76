using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Resources in the order in which discovery names them; of a group's versions the preferred one comes first.</summary>
public sealed class ResourceTable
{
    private static readonly Lazy<ResourceTable> TheServedTable =
        new(() => new ResourceTable(EmbeddedTables.ReadJson("resources.json").EnumerateArray().Select(Read)));

    private readonly Dictionary<GroupVersionResource, ResourceDescription> _byName;
    private readonly Dictionary<GroupVersionKind, ResourceDescription> _byKind = [];
    private readonly Dictionary<GroupResource, ResourceDescription> _preferred = [];

    public ResourceTable(IEnumerable<ResourceDescription> resources)
    {
        All = [.. resources];
        _byName = All.ToDictionary(resource => resource.GroupVersionResource);
        foreach (var resource in All)
        {
            _byKind.TryAdd(resource.Kind, resource);
            _preferred.TryAdd(resource.GroupResource, resource);
        }
    }

    /// <summary>All that the API server serves.</summary>
    public static ResourceTable Served => TheServedTable.Value;

    public IReadOnlyList<ResourceDescription> All { get; }

    public ResourceDescription? Find(string group, string version, string plural) =>
        _byName.GetValueOrDefault(new GroupVersionResource(group, version, plural));

    public ResourceDescription? ForKind(GroupVersionKind kind) => _byKind.GetValueOrDefault(kind);

    /// <summary>The resource in its group's preferred version.</summary>
    public ResourceDescription? Preferred(string group, string plural) => _preferred.GetValueOrDefault(new GroupResource(group, plural));

    private static ResourceDescription Read(JsonElement json)
    {
        string group = json.GetProperty("group").GetString()!;
        string version = json.GetProperty("version").GetString()!;
        return new ResourceDescription
        {
            Group = group,
            Version = version,
            Plural = json.GetProperty("plural").GetString()!,
            Singular = json.GetProperty("singular").GetString()!,
            Kind = new GroupVersionKind(group, version, json.GetProperty("kind").GetString()!),
            ShortNames = Texts(json, "shortNames"),
            Categories = Texts(json, "categories"),
            IsNamespaced = json.GetProperty("namespaced").GetBoolean(),
            Verbs = Texts(json, "verbs"),
            Subresources = json.TryGetProperty("subresources", out var list)
                ? [.. list.EnumerateArray().Select(item => ReadSubresource(item, group, version))]
                : [],
            StoragePrefix = Text(json, "storage"),
        };
    }

    private static SubresourceDescription ReadSubresource(JsonElement json, string group, string version) => new(
        json.GetProperty("name").GetString()!,
        new GroupVersionKind(Text(json, "group") ?? group, Text(json, "version") ?? version, json.GetProperty("kind").GetString()!),
        Texts(json, "verbs"));

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static string[] Texts(JsonElement json, string name) =>
        json.TryGetProperty(name, out var list) ? [.. list.EnumerateArray().Select(item => item.GetString()!)] : [];
}
