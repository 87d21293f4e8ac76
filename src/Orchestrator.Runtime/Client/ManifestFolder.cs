using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Requests;

namespace Orchestrator.Runtime.Client;

/// <summary>Applies the objects in a folder's files, in the order of their names: what a cluster is to have from its start on.</summary>
/// <remarks>
/// YAML or JSON, several documents a file, lists too. They are applied as server-side apply does it, by a manager of their own: giving them
/// again changes nothing, and what others own of an object stays theirs.
/// </remarks>
public sealed class ManifestFolder(string folder, ApiClient client, ILogger log)
{
    private const string FieldManager = "orchestrator-manifests";
    private static readonly string[] Extensions = [".yaml", ".yml", ".json"];

    /// <summary>Applies all. What another document brings first (a namespace) may come later in the order: such ones get another turn.</summary>
    /// <returns>How many could not be applied; the log has the reasons.</returns>
    public async Task<int> ApplyAsync(CancellationToken ct)
    {
        List<(string Source, JsonObject Manifest)> waiting = Read();
        while (true)
        {
            List<(string Source, JsonObject Manifest)> refused = [];
            List<string> reasons = [];
            foreach (var (source, manifest) in waiting)
            {
                if (await TryApplyAsync(manifest, ct) is not { } reason)
                    continue;
                refused.Add((source, manifest));
                reasons.Add($"{source}: {reason}");
            }
            if (refused.Count > 0 && refused.Count < waiting.Count)
            {
                waiting = refused;
                continue;
            }
            foreach (string reason in reasons)
                log.LogError("{Manifest} was not applied", reason);
            return refused.Count;
        }
    }

    private List<(string Source, JsonObject Manifest)> Read()
    {
        var manifests = new List<(string, JsonObject)>();
        if (!Directory.Exists(folder))
            return manifests;
        foreach (string file in Directory.GetFiles(folder).Where(file => Extensions.Contains(Path.GetExtension(file))).Order(StringComparer.Ordinal))
        {
            try
            {
                manifests.AddRange(YamlText.Documents(File.ReadAllText(file)).SelectMany(Objects).Select(manifest => (Path.GetFileName(file), manifest)));
            }
            catch (Exception fault) when (fault is JsonException or IOException or UnauthorizedAccessException)
            {
                log.LogError("{File} cannot be read: {Reason}", file, fault.Message);
            }
        }
        return manifests;
    }

    private static IEnumerable<JsonObject> Objects(JsonNode? document) => document switch
    {
        JsonObject list when list["kind"]?.ToString() == "List" && list["items"] is JsonArray items => items.SelectMany(Objects),
        JsonObject manifest => [manifest],
        _ => [],
    };

    /// <returns>Null when it is applied, else why not.</returns>
    private async Task<string?> TryApplyAsync(JsonObject manifest, CancellationToken ct)
    {
        string apiVersion = manifest["apiVersion"]?.ToString() ?? "", kind = manifest["kind"]?.ToString() ?? "";
        string name = manifest["metadata"]?["name"]?.ToString() ?? "", ns = manifest["metadata"]?["namespace"]?.ToString() ?? "default";
        try
        {
            if (name.Length == 0 || ResourceTable.Served.ForKind(GroupVersionKind.Parse(apiVersion, kind)) is not { } resource)
                return name.Length == 0 ? $"an object of kind \"{kind}\" has no name" : $"there is no kind \"{kind}\" in version \"{apiVersion}\"";
            await client.PatchAsync(
                resource, ns, name, PatchFormat.Apply, Encoding.UTF8.GetBytes(manifest.ToJsonString()),
                options: new WriteOptions { FieldManager = FieldManager, Force = true }, cancellation: ct);
            return null;
        }
        catch (Exception fault) when (fault is ApiException or TransportException or FormatException)
        {
            return $"{kind} {name}: {fault.Message}";
        }
    }
}
