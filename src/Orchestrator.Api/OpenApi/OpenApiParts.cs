using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>What both versions of OpenAPI write alike.</summary>
internal static class OpenApiParts
{
    public static void WriteInfo(Utf8JsonWriter writer, string version)
    {
        writer.WriteStartObject("info");
        writer.WriteString("title", "Kubernetes");
        writer.WriteString("version", version);
        writer.WriteEndObject();
    }

    public static void WriteHead(Utf8JsonWriter writer, ApiPath path, ApiOperation operation)
    {
        writer.WriteString("description", operation.Summary);
        writer.WriteString("operationId", operation.Id);
        writer.WriteStartArray("tags");
        writer.WriteStringValue(Tag(path));
        writer.WriteEndArray();
    }

    public static void WriteParameterHead(Utf8JsonWriter writer, ApiParameter parameter)
    {
        writer.WriteString("description", parameter.Description);
        writer.WriteString("in", parameter.IsInPath ? "path" : "query");
        writer.WriteString("name", parameter.Name);
        if (parameter.IsInPath)
            writer.WriteBoolean("required", true);
    }

    /// <summary>By these, clients find out which operations a kind has.</summary>
    public static void WriteAction(Utf8JsonWriter writer, ApiOperation operation)
    {
        writer.WriteString("x-kubernetes-action", operation.Action);
        writer.WriteStartObject("x-kubernetes-group-version-kind");
        writer.WriteString("group", operation.Kind.Group);
        writer.WriteString("kind", operation.Kind.Kind);
        writer.WriteString("version", operation.Kind.Version);
        writer.WriteEndObject();
    }

    public static void WriteBearerToken(Utf8JsonWriter writer)
    {
        writer.WriteString("description", "Bearer token");
        writer.WriteString("in", "header");
        writer.WriteString("name", "authorization");
        writer.WriteString("type", "apiKey");
    }

    public static string CodeText(string code) => code switch
    {
        "200" => "OK",
        "201" => "Created",
        "202" => "Accepted",
        _ => "Unauthorized",
    };

    /// <summary><c>apps_v1</c>, <c>rbacAuthorization_v1</c>.</summary>
    private static string Tag(ApiPath path)
    {
        string group = path.Group.Length == 0 ? "core" : path.Group.Replace(".k8s.io", "", StringComparison.Ordinal);
        string[] words = group.Split('.');
        string name = words[0] + string.Concat(words.Skip(1).Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
        return $"{name}_{path.Version}";
    }
}
