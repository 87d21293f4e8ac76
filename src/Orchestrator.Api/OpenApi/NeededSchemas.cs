using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>The definitions that operations speak of, with all that those refer to.</summary>
internal static class NeededSchemas
{
    private static readonly string[] Always =
        ["io.k8s.apimachinery.pkg.apis.meta.v1.Status", "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"];

    /// <returns>In the order of their names.</returns>
    public static IEnumerable<Schema> Of(SchemaSet schemas, IEnumerable<ApiPath> paths)
    {
        var needed = new SortedSet<string>(StringComparer.Ordinal);
        var open = new Queue<string>(paths.SelectMany(path => path.Operations)
            .SelectMany(operation => new[] { operation.Body, operation.Response, schemas.FindForKind(operation.Kind)?.Name })
            .OfType<string>().Concat(Always));
        while (open.TryDequeue(out string? name))
        {
            if (!needed.Add(name))
                continue;
            foreach (string reference in References(schemas.Get(name).Json))
                open.Enqueue(reference);
        }
        return needed.Select(schemas.Get);
    }

    private static IEnumerable<string> References(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Array => json.EnumerateArray().SelectMany(References),
        JsonValueKind.Object => json.EnumerateObject().SelectMany(member =>
            member.Name == "$ref" && member.Value.ValueKind == JsonValueKind.String ? [member.Value.GetString()!] : References(member.Value)),
        _ => [],
    };
}
