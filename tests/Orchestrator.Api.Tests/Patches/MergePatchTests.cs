using System.Text;
using System.Text.Json.Nodes;
using Orchestrator.Api.Patches;

namespace Orchestrator.Api.Tests.Patches;

public sealed class MergePatchTests
{
    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", """{}""")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"c"}""", """{"a":["b"]}""", """{"a":["b"]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""["a","b"]""", """["c","d"]""", """["c","d"]""")]
    [InlineData("""{"a":"b"}""", """["c"]""", """["c"]""")]
    [InlineData("""{"a":"foo"}""", """null""", null)]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"e":null,"a":1}""")]
    [InlineData("""[1,2]""", """{"a":"b","c":null}""", """{"a":"b"}""")]
    [InlineData("""{}""", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    [InlineData("""{"n":1}""", """{"n":12345678901234567890.10}""", """{"n":12345678901234567890.10}""")]
    [InlineData("""{"n":1}""", """{"n":2,"n":3}""", """{"n":3}""")]
    public void A_merge_patch_changes_the_document_as_the_standard_says(string document, string patch, string? expected)
    {
        var before = JsonNode.Parse(document);

        var after = MergePatch.Apply(before, Encoding.UTF8.GetBytes(patch));

        Assert.Equal(expected, after?.ToJsonString());
        Assert.Equal(document, before!.ToJsonString());
    }

    [Fact]
    public void A_patch_that_is_no_JSON_is_a_bad_request()
    {
        var refusal = Assert.Throws<ApiException>(() => MergePatch.Apply(new JsonObject(), """{"a":tru}"""u8));

        Assert.Equal((400, "error decoding patch: invalid character '}' in literal true (expecting 'e')"), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void Random_merge_patches_lead_from_each_document_to_each_other_one()
    {
        for (int seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var from = WithoutNulls(JsonCases.RandomMap(random, 4));
            var to = WithoutNulls(JsonCases.RandomMap(random, 4));

            var result = MergePatch.Apply(from, Difference(from, to));

            Assert.True(JsonNode.DeepEquals(to, result), $"seed {seed}: {from.ToJsonString()} to {to.ToJsonString()} gave {result}");
        }
    }

    private static JsonObject WithoutNulls(JsonObject map)
    {
        foreach (var (key, value) in map.ToArray())
        {
            if (value is null)
                map.Remove(key);
            else if (value is JsonObject inner)
                WithoutNulls(inner);
        }
        return map;
    }

    private static JsonObject Difference(JsonObject from, JsonObject to)
    {
        var patch = new JsonObject();
        foreach (var (key, _) in from)
        {
            if (!to.ContainsKey(key))
                patch[key] = null;
        }
        foreach (var (key, value) in to)
        {
            if (value is JsonObject inner && from[key] is JsonObject before)
                patch[key] = Difference(before, inner);
            else if (!JsonNode.DeepEquals(value, from[key]))
                patch[key] = value?.DeepClone();
        }
        return patch;
    }
}
