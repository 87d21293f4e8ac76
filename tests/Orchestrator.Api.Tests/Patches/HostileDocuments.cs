using System.Text.Json.Nodes;

namespace Orchestrator.Api.Tests.Patches;

/// <summary>Random documents of known names in unfit places.</summary>
internal static class HostileDocuments
{
    private static readonly string[] Names =
    [
        "apiVersion", "kind", "metadata", "spec", "status", "containers", "name", "image", "env", "ports", "containerPort", "protocol",
        "finalizers", "labels", "annotations", "managedFields", "volumes", "strategy", "template", "resources", "limits", "ownerReferences",
        "$patch", "$retainKeys", "$setElementOrder/containers", "$setElementOrder/finalizers", "$deleteFromPrimitiveList/finalizers",
        "$setElementOrder", "kubectl.kubernetes.io/last-applied-configuration",
    ];

    private static readonly string[] Texts = ["a", "b", "delete", "replace", "merge", "v1", "TCP", "", "{}", "{\"apiVersion\":\"v1\"}"];

    public static JsonObject Map(Random random, int depth)
    {
        var map = new JsonObject();
        for (int i = random.Next(5); i > 0; i--)
            map[Names[random.Next(Names.Length)]] = Node(random, depth - 1);
        return map;
    }

    private static JsonNode? Node(Random random, int depth) => random.Next(depth > 0 ? 8 : 4) switch
    {
        0 => JsonValue.Create(random.Next(100)),
        1 => JsonValue.Create(Texts[random.Next(Texts.Length)]),
        2 => null,
        3 => JsonValue.Create(random.Next(2) == 0),
        4 or 5 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Node(random, depth - 1))]),
        _ => Map(random, depth),
    };
}
