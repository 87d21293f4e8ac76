using System.Text;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.Validation;

/// <summary>What changed between two versions of a part that must not change, one line a value, for the end of a message.</summary>
internal static class Difference
{
    /// <summary><c>-  nodeName: "a"</c> and <c>+  nodeName: "b"</c>.</summary>
    public static string Of(IKubernetesValue old, IKubernetesValue updated)
    {
        var lines = new StringBuilder();
        Compare(lines, "", Parse(old), Parse(updated));
        return lines.ToString();
    }

    private static JsonNode? Parse(IKubernetesValue value) => JsonNode.Parse(KubernetesJson.Serialize(value));

    private static void Compare(StringBuilder lines, string path, JsonNode? old, JsonNode? updated)
    {
        if (JsonNode.DeepEquals(old, updated))
            return;
        if (old is JsonObject before && updated is JsonObject after)
        {
            foreach (string name in before.Select(member => member.Key).Union(after.Select(member => member.Key)).Order(StringComparer.Ordinal))
                Compare(lines, path.Length == 0 ? name : $"{path}.{name}", before[name], after[name]);
        }
        else if (old is JsonArray list && updated is JsonArray other && list.Count == other.Count)
        {
            for (int i = 0; i < list.Count; i++)
                Compare(lines, $"{path}[{i}]", list[i], other[i]);
        }
        else
        {
            if (old is not null)
                lines.Append("-  ").Append(path).Append(": ").Append(old.ToJsonString()).Append('\n');
            if (updated is not null)
                lines.Append("+  ").Append(path).Append(": ").Append(updated.ToJsonString()).Append('\n');
        }
    }
}
