using System.Text;
using System.Text.Json.Nodes;
using Orchestrator.Api.Patches;

namespace Orchestrator.Api.Tests.Patches;

public sealed class JsonPatchTests
{
    [Theory]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/b","value":2}]""", """{"a":1,"b":2}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/a","value":2}]""", """{"a":2}""")]
    [InlineData("""{"a":[1,3]}""", """[{"op":"add","path":"/a/1","value":2}]""", """{"a":[1,2,3]}""")]
    [InlineData("""{"a":[1]}""", """[{"op":"add","path":"/a/1","value":2}]""", """{"a":[1,2]}""")]
    [InlineData("""{"a":[1]}""", """[{"op":"add","path":"/a/-","value":[2]}]""", """{"a":[1,[2]]}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"add","path":"/a/-1","value":3}]""", """{"a":[1,2,3]}""")]
    [InlineData("""{"a":null}""", """[{"op":"add","path":"/a","value":null}]""", """{"a":null}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"","value":{"b":2}}]""", """{"b":2}""")]
    [InlineData("""{"a":1,"b":2}""", """[{"op":"remove","path":"/a"}]""", """{"b":2}""")]
    [InlineData("""{"a":[1,2,3]}""", """[{"op":"remove","path":"/a/1"}]""", """{"a":[1,3]}""")]
    [InlineData("""{"a":[1,2,3]}""", """[{"op":"remove","path":"/a/-1"}]""", """{"a":[1,2]}""")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"/a","value":{"b":1}}]""", """{"a":{"b":1}}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"replace","path":"/a/0","value":9}]""", """{"a":[9,2]}""")]
    [InlineData("""{"a":{"b":1},"c":{}}""", """[{"op":"move","from":"/a/b","path":"/c/d"}]""", """{"a":{},"c":{"d":1}}""")]
    [InlineData("""{"a":[1,2,3]}""", """[{"op":"move","from":"/a/0","path":"/a/2"}]""", """{"a":[2,3,1]}""")]
    [InlineData("""{"a":1}""", """[{"op":"move","from":"/a","path":"/a"}]""", """{"a":1}""")]
    [InlineData("""{"a":{"b":1}}""", """[{"op":"copy","from":"/a","path":"/c"}]""", """{"a":{"b":1},"c":{"b":1}}""")]
    [InlineData("""{"a":{"b":1}}""", """[{"op":"test","path":"/a","value":{"b":1}}]""", """{"a":{"b":1}}""")]
    [InlineData("""{"a":10}""", """[{"op":"test","path":"/a","value":1.0e1}]""", """{"a":10}""")]
    [InlineData("""{"a":"ä"}""", """[{"op":"test","path":"/a","value":"\u00e4"}]""", """{"a":"ä"}""")]
    [InlineData("""{"a":1}""", """[{"op":"test","path":"/none","value":null}]""", """{"a":1}""")]
    [InlineData("""{"a/b":1,"m~n":2}""", """[{"op":"remove","path":"/a~1b"},{"op":"replace","path":"/m~0n","value":3}]""", """{"m~n":3}""")]
    [InlineData("""{"":{"":1}}""", """[{"op":"replace","path":"//","value":2}]""", """{"":{"":2}}""")]
    [InlineData("""{"~1":1}""", """[{"op":"remove","path":"/~01"}]""", """{}""")]
    [InlineData("""{"a":1}""", """[]""", """{"a":1}""")]
    [InlineData("""{"n":9007199254740993}""", """[{"op":"copy","from":"/n","path":"/m"},{"op":"add","path":"/d","value":1.10}]""",
        """{"n":9007199254740993,"m":9007199254740993,"d":1.10}""")]
    public void An_operation_changes_the_document_as_the_standard_says(string document, string patch, string expected)
    {
        var before = JsonNode.Parse(document)!;

        var after = JsonPatch.Apply(before, Encoding.UTF8.GetBytes(patch));

        Assert.Equal(expected, after!.ToJsonString(JsonCases.Plain));
        Assert.Equal(document, before.ToJsonString(JsonCases.Plain));
    }

    [Theory]
    [InlineData("""[{"op":"add","path":"/none/b","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/list/4","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/list/01","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/list/x","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/text/x","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/a"}]""")]
    [InlineData("""[{"op":"add","path":"a","value":1}]""")]
    [InlineData("""[{"op":"add","value":1}]""")]
    [InlineData("""[{"op":"remove","path":"/none"}]""")]
    [InlineData("""[{"op":"remove","path":"/list/3"}]""")]
    [InlineData("""[{"op":"remove","path":"/list/-4"}]""")]
    [InlineData("""[{"op":"remove","path":"/list/-"}]""")]
    [InlineData("""[{"op":"replace","path":"/none","value":1}]""")]
    [InlineData("""[{"op":"move","from":"/none","path":"/b"}]""")]
    [InlineData("""[{"op":"move","from":"/map","path":"/map/inner"}]""")]
    [InlineData("""[{"op":"copy","from":"/none","path":"/b"}]""")]
    [InlineData("""[{"op":"copy","path":"/b"}]""")]
    [InlineData("""[{"op":"test","path":"/text","value":"b"}]""")]
    [InlineData("""[{"op":"test","path":"/list","value":[1,3,2]}]""")]
    [InlineData("""[{"op":"test","path":"/list/0","value":"1"}]""")]
    [InlineData("""[{"op":"spam","path":"/text"}]""")]
    [InlineData("""[{"op":7,"path":"/text"}]""")]
    [InlineData("""[{"path":"/text"}]""")]
    [InlineData("""[{"op":"add","path":"/b","value":1},{"op":"remove","path":"/none"}]""")]
    public void An_operation_that_does_not_fit_refuses_the_whole_patch(string patch)
    {
        var document = JsonNode.Parse("""{"text":"a","list":[1,2,3],"map":{"x":1}}""")!;

        var refusal = Assert.Throws<ApiException>(() => JsonPatch.Apply(document, Encoding.UTF8.GetBytes(patch)));

        Assert.Equal((422, "Invalid", "the server rejected our request due to an error in our request"),
            (refusal.Code, refusal.Reason, refusal.Message));
        Assert.Equal("""{"text":"a","list":[1,2,3],"map":{"x":1}}""", document.ToJsonString());
    }

    [Theory]
    [InlineData("{", "error decoding patch: unexpected end of JSON input")]
    [InlineData("", "error decoding patch: unexpected end of JSON input")]
    [InlineData("[x]", "error decoding patch: invalid character 'x' looking for beginning of value")]
    [InlineData("{}", "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")]
    [InlineData("[1]", "error decoding patch: json: cannot unmarshal number into Go value of type jsonpatch.Operation")]
    public void What_is_no_patch_is_a_bad_request(string patch, string message)
    {
        var refusal = Assert.Throws<ApiException>(() => JsonPatch.Apply(new JsonObject(), Encoding.UTF8.GetBytes(patch)));

        Assert.Equal((400, message), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void Too_many_operations_are_refused()
    {
        string patch = $"[{string.Join(',', Enumerable.Repeat("""{"op":"test","path":"/none","value":null}""", 10_001))}]";

        var refusal = Assert.Throws<ApiException>(() => JsonPatch.Apply(new JsonObject(), Encoding.UTF8.GetBytes(patch)));

        Assert.Equal((413, "RequestEntityTooLarge"), (refusal.Code, refusal.Reason));
        Assert.EndsWith("The allowed maximum operations in a JSON patch is 10000, got 10001", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Copies_that_double_again_and_again_are_refused_before_they_fill_the_memory()
    {
        var document = JsonNode.Parse("""{"a":["0123456789"]}""")!;
        string patch = $"[{string.Join(',', Enumerable.Repeat("""{"op":"copy","from":"/a","path":"/a/-"}""", 40))}]";

        var refusal = Assert.Throws<ApiException>(() => JsonPatch.Apply(document, Encoding.UTF8.GetBytes(patch)));

        Assert.Equal(422, refusal.Code);
    }

    [Fact]
    public void Strict_validation_names_unknown_members_and_duplicates_of_a_patch()
    {
        var errors = JsonPatch.StrictErrors("""[{"op":"add","op":"add","path":"/a","value":1,"extra":2}]"""u8);

        Assert.Equal(["json patch duplicate field \"[0].op\"", "json patch unknown field \"[0].extra\""], errors);
    }

    [Fact]
    public void Random_patches_do_what_a_slow_model_does()
    {
        int applied = 0;
        for (int seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var document = JsonCases.RandomMap(random, 3);
            var patch = new JsonArray([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => RandomOperation(random, document))]);
            byte[] text = Encoding.UTF8.GetBytes(patch.ToJsonString());

            var expected = SlowJsonPatch.Apply(document, patch, out bool fits);
            if (fits)
            {
                applied++;
                Assert.True(JsonNode.DeepEquals(expected, JsonPatch.Apply(document, text)), $"seed {seed}: {document.ToJsonString()} by {patch.ToJsonString()}");
            }
            else
            {
                Assert.Throws<ApiException>(() => JsonPatch.Apply(document, text));
            }
        }
        Assert.True(applied > 300, $"only {applied} patches fitted");
    }

    private static JsonObject RandomOperation(Random random, JsonNode document)
    {
        string[] operations = ["add", "remove", "replace", "move", "copy", "test"];
        var operation = new JsonObject
        {
            ["op"] = operations[random.Next(operations.Length)],
            ["path"] = RandomPath(random, document),
            ["from"] = RandomPath(random, document),
        };
        operation["value"] = JsonCases.RandomNode(random, 2);
        return operation;
    }

    private static string RandomPath(Random random, JsonNode? node)
    {
        string path = "";
        while (random.Next(6) > 0)
        {
            switch (node)
            {
                case JsonObject { Count: > 0 } map when random.Next(4) > 0:
                    var (key, child) = map.ElementAt(random.Next(map.Count));
                    path += "/" + key;
                    node = child;
                    break;
                case JsonArray list:
                    int index = random.Next(list.Count + 1);
                    path += "/" + (index == list.Count && random.Next(2) == 0 ? "-" : index);
                    node = index < list.Count ? list[index] : null;
                    break;
                default:
                    return path + "/" + "abcd"[random.Next(4)];
            }
        }
        return path;
    }
}
