using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.Tests.Patches;

/// <summary>Random JSON, small enough that names and values meet again.</summary>
internal static class JsonCases
{
    public static JsonSerializerOptions Plain { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonObject RandomMap(Random random, int depth)
    {
        var map = new JsonObject();
        for (int i = random.Next(4); i > 0; i--)
            map["abcd"[random.Next(4)].ToString()] = RandomNode(random, depth - 1);
        return map;
    }

    public static JsonNode? RandomNode(Random random, int depth) => random.Next(depth > 0 ? 7 : 4) switch
    {
        0 => JsonValue.Create(random.Next(3)),
        1 => JsonValue.Create("xyz"[random.Next(3)].ToString()),
        2 => JsonValue.Create(random.Next(2) == 0),
        3 => null,
        4 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => RandomNode(random, depth - 1))]),
        _ => RandomMap(random, depth),
    };
}
