using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.Tests;

/// <summary>Objects written down as JSON with quotes of one stroke, and parts of them asked for by path.</summary>
internal static class Documents
{
    public static readonly DateTimeOffset Now = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    /// <summary>An object of the kind that it names.</summary>
    public static IKubernetesObject Read(string json)
    {
        string text = json.Replace('\'', '"');
        var node = JsonNode.Parse(text)!;
        var kind = GroupVersionKind.Parse((string)node["apiVersion"]!, (string)node["kind"]!);
        return KubernetesJson.Deserialize(kind, Encoding.UTF8.GetBytes(text));
    }

    public static T Read<T>(string json)
        where T : class, IKubernetesObject<T>
    {
        var read = KubernetesJson.Deserialize<T>(Encoding.UTF8.GetBytes(json.Replace('\'', '"')));
        (read.ApiVersion, read.Kind) = (T.StaticKind.ApiVersion, T.StaticKind.Kind);
        return read;
    }

    public static string Write(IKubernetesObject written) => Encoding.UTF8.GetString(KubernetesJson.Serialize(written));

    /// <summary>The value at <c>spec.containers[0].image</c> as JSON without quotes; <c>-</c> for none.</summary>
    public static string At(IKubernetesObject asked, string path)
    {
        JsonNode? node = JsonNode.Parse(Write(asked));
        foreach (string step in path.Split('.'))
        {
            string[] parts = step.Split('[', ']');
            node = (node as JsonObject)?[parts[0].Replace('|', '.')];
            for (int i = 1; i < parts.Length; i += 2)
                node = node is JsonArray array && int.Parse(parts[i], CultureInfo.InvariantCulture) is var index && index < array.Count
                    ? array[index]
                    : null;
        }
        return node switch
        {
            null => "-",
            JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
            _ => node.ToJsonString().Replace('"', '\''),
        };
    }
}
