using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api.Decoding;

namespace Orchestrator.Api.ManagedFields;

/// <summary>The annotation in which client-side apply keeps what it said last, and what server-side apply by kubectl owes to it.</summary>
internal static class LastApplied
{
    private const string Annotation = "kubectl.kubernetes.io/last-applied-configuration";

    /// <summary>Bytes of all annotations together.</summary>
    private const int AnnotationsLimit = 256 * 1024;

    /// <summary>What client-side apply said and is still so: kubectl may take it over. Null if it said nothing.</summary>
    public static FieldSet? UnchangedFields(JsonObject live, FieldType type)
    {
        string text = TextOf(Annotations(live)?[Annotation]);
        if (text.Length == 0 || Read(text) is not { } last)
            return null;
        bool isSameVersion = last["apiVersion"]?.ToJsonString() == live["apiVersion"]?.ToJsonString();
        if (!isSameVersion || TypedDocument.Errors(last, type).Count > 0)
            return null;
        var comparison = FieldComparison.Of(last, live, type);
        return TypedDocument.FieldsOf(last, type).Except(comparison.Modified).Except(comparison.Added).Except(comparison.Removed);
    }

    /// <summary>An object that has the annotation keeps it true, so that client-side apply can go on from there.</summary>
    public static void Renew(JsonObject merged, JsonObject applied)
    {
        if (Annotations(merged) is not { } annotations || !annotations.ContainsKey(Annotation))
            return;
        var said = (JsonObject)applied.DeepClone();
        Annotations(said)?.Remove(Annotation);
        if (Annotations(said) is { Count: 0 })
            ((JsonObject)said["metadata"]!).Remove("annotations");
        annotations[Annotation] = WriteSorted(said) + "\n";
        int size = annotations.Sum(annotation => annotation.Key.Length + Encoding.UTF8.GetByteCount(TextOf(annotation.Value)));
        if (size > AnnotationsLimit)
            annotations.Remove(Annotation);
    }

    private static JsonObject? Annotations(JsonObject document) =>
        document["metadata"] is JsonObject metadata ? metadata["annotations"] as JsonObject : null;

    private static string TextOf(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : "";

    private static JsonObject? Read(string text)
    {
        try
        {
            return JsonText.Parse(Encoding.UTF8.GetBytes(text)) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>As Go writes a map: keys in order, nothing that HTML would take for its own.</summary>
    private static string WriteSorted(JsonNode document) =>
        Sorted(document)!.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping })
            .Replace("<", "\\u003c", StringComparison.Ordinal)
            .Replace(">", "\\u003e", StringComparison.Ordinal)
            .Replace("&", "\\u0026", StringComparison.Ordinal);

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(member => member.Key, StringComparer.Ordinal)
            .Select(member => KeyValuePair.Create(member.Key, Sorted(member.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
