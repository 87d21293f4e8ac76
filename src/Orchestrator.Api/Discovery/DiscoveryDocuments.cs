using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api;

/// <summary>What the server says about what it serves: at <c>/api</c> and <c>/apis</c> the whole in one document (aggregated) or the groups
/// alone, and below them each group and version.</summary>
public sealed class DiscoveryDocuments(ResourceTable resources)
{
    /// <summary>Versions of the aggregated form, by what clients ask for: <c>as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io</c>.</summary>
    public static readonly IReadOnlyList<string> AggregatedVersions = ["v2", "v2beta1"];

    private readonly ConcurrentDictionary<string, ServedDocument?> _documents = new();

    /// <summary><c>/api</c>, plain.</summary>
    /// <param name="serverAddress"><c>10.0.0.1:6443</c>: where clients reach this server.</param>
    public ServedDocument ApiVersions(string serverAddress) => Keep($"/api {serverAddress}", () => new APIVersions
    {
        ApiVersion = null,
        Versions = [.. VersionsOf("")],
        ServerAddressByClientCIDRs = [new ServerAddressByClientCIDR { ClientCIDR = "0.0.0.0/0", ServerAddress = serverAddress }],
    })!;

    /// <summary><c>/apis</c>, plain.</summary>
    public ServedDocument ApiGroupList => Keep("/apis", () => new APIGroupList { Groups = [.. NamedGroups.Select(MakeListedGroup)] })!;

    /// <summary><c>/apis/GROUP</c>; null where there is no such group.</summary>
    public ServedDocument? ApiGroup(string group) =>
        Keep($"/apis/{group}", () => NamedGroups.Contains(group) ? MakeGroup(group) : null);

    /// <summary><c>/api/v1</c> or <c>/apis/GROUP/VERSION</c>; null where nothing is served.</summary>
    public ServedDocument? ApiResourceList(string group, string version) => Keep($"/apis/{group}/{version}", () =>
    {
        APIResource[] list = [.. resources.All.Where(resource => resource.Group == group && resource.Version == version).SelectMany(MakeResources)];
        return list.Length == 0 ? null : new APIResourceList
        {
            // The core group's list has never said so.
            ApiVersion = group.Length == 0 ? null : "v1",
            GroupVersion = Api.ApiVersions.Join(group, version),
            Resources = [.. list],
        };
    });

    /// <summary><c>/api</c>, aggregated.</summary>
    /// <param name="version">One of <see cref="AggregatedVersions"/>.</param>
    public ServedDocument AggregatedCore(string version) => Aggregated(version, [""]);

    /// <summary><c>/apis</c>, aggregated.</summary>
    /// <inheritdoc cref="AggregatedCore"/>
    public ServedDocument AggregatedGroups(string version) => Aggregated(version, NamedGroups);

    private IEnumerable<string> NamedGroups => resources.All.Select(resource => resource.Group).Where(group => group.Length > 0).Distinct();

    private IEnumerable<string> VersionsOf(string group) =>
        resources.All.Where(resource => resource.Group == group).Select(resource => resource.Version).Distinct();

    private APIGroup MakeGroup(string name)
    {
        GroupVersionForDiscovery[] versions =
        [
            .. VersionsOf(name).Select(version => new GroupVersionForDiscovery { GroupVersion = $"{name}/{version}", Version = version }),
        ];
        return new APIGroup { ApiVersion = "v1", Name = name, Versions = [.. versions], PreferredVersion = versions[0].DeepClone() };
    }

    /// <summary>The list has said what its items are.</summary>
    private APIGroup MakeListedGroup(string name)
    {
        var group = MakeGroup(name);
        (group.Kind, group.ApiVersion) = (null, null);
        return group;
    }

    private static IEnumerable<APIResource> MakeResources(ResourceDescription resource)
    {
        yield return new APIResource
        {
            Name = resource.Plural,
            SingularName = resource.Singular,
            Namespaced = resource.IsNamespaced,
            Kind = resource.Kind.Kind,
            Verbs = [.. resource.Verbs],
            ShortNames = [.. resource.ShortNames],
            Categories = [.. resource.Categories],
        };
        foreach (var subresource in resource.Subresources)
        {
            bool isForeign = IsForeign(subresource, resource);
            yield return new APIResource
            {
                Name = $"{resource.Plural}/{subresource.Name}",
                SingularName = "",
                Namespaced = resource.IsNamespaced,
                Group = isForeign ? subresource.Kind.Group : null,
                Version = isForeign ? subresource.Kind.Version : null,
                Kind = subresource.Kind.Kind,
                Verbs = [.. subresource.Verbs],
            };
        }
    }

    /// <summary>A kind of the resource's own group and version goes without them.</summary>
    private static bool IsForeign(SubresourceDescription subresource, ResourceDescription resource) =>
        (subresource.Kind.Group, subresource.Kind.Version) != (resource.Group, resource.Version);

    private ServedDocument? Keep(string path, Func<IKubernetesValue?> make) => _documents.GetOrAdd(path, _ =>
        make() is { } document ? ServedDocument.Of(KubernetesJson.Serialize(document), ServedDocument.Json) : null);

    private ServedDocument Aggregated(string version, IEnumerable<string> groups)
    {
        if (!AggregatedVersions.Contains(version))
            throw new ArgumentOutOfRangeException(nameof(version), version, "discovery has no such version");
        return _documents.GetOrAdd($"{version} {string.Join(',', groups)}", _ => ServedDocument.Of(
            WriteAggregated(version, groups), $"{ServedDocument.Json};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"))!;
    }

    private byte[] WriteAggregated(string version, IEnumerable<string> groups)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, KubernetesJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("kind", "APIGroupDiscoveryList");
            writer.WriteString("apiVersion", $"apidiscovery.k8s.io/{version}");
            writer.WriteStartObject("metadata");
            writer.WriteEndObject();
            writer.WriteStartArray("items");
            foreach (string group in groups)
                WriteGroup(writer, group);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private void WriteGroup(Utf8JsonWriter writer, string group)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("metadata");
        if (group.Length > 0)
            writer.WriteString("name", group);
        writer.WriteEndObject();
        writer.WriteStartArray("versions");
        foreach (string version in VersionsOf(group))
        {
            writer.WriteStartObject();
            writer.WriteString("version", version);
            writer.WriteStartArray("resources");
            foreach (var resource in resources.All.Where(resource => resource.Group == group && resource.Version == version))
                WriteResource(writer, resource);
            writer.WriteEndArray();
            writer.WriteString("freshness", "Current");
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteResource(Utf8JsonWriter writer, ResourceDescription resource)
    {
        writer.WriteStartObject();
        writer.WriteString("resource", resource.Plural);
        WriteKind(writer, resource.Kind, isForeign: false);
        writer.WriteString("scope", resource.IsNamespaced ? "Namespaced" : "Cluster");
        writer.WriteString("singularResource", resource.Singular);
        WriteTexts(writer, "verbs", resource.Verbs);
        WriteTexts(writer, "shortNames", resource.ShortNames);
        WriteTexts(writer, "categories", resource.Categories);
        if (resource.Subresources.Count > 0)
        {
            writer.WriteStartArray("subresources");
            foreach (var subresource in resource.Subresources)
            {
                writer.WriteStartObject();
                writer.WriteString("subresource", subresource.Name);
                WriteKind(writer, subresource.Kind, IsForeign(subresource, resource));
                WriteTexts(writer, "verbs", subresource.Verbs);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }

    private static void WriteKind(Utf8JsonWriter writer, GroupVersionKind kind, bool isForeign)
    {
        writer.WriteStartObject("responseKind");
        writer.WriteString("group", isForeign ? kind.Group : "");
        writer.WriteString("version", isForeign ? kind.Version : "");
        writer.WriteString("kind", kind.Kind);
        writer.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, IReadOnlyList<string> texts)
    {
        if (texts.Count == 0)
            return;
        writer.WriteStartArray(name);
        foreach (string text in texts)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }
}
