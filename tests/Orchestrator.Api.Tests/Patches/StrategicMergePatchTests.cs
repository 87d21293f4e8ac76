using System.Text.Json.Nodes;
using Orchestrator.Api.Patches;

namespace Orchestrator.Api.Tests.Patches;

public sealed class StrategicMergePatchTests
{
    private static readonly Schema Pod = SchemaSet.Kubernetes.ForKind(new GroupVersionKind("", "v1", "Pod"));
    private static readonly Schema Deployment = SchemaSet.Kubernetes.ForKind(new GroupVersionKind("apps", "v1", "Deployment"));
    private static readonly Schema Service = SchemaSet.Kubernetes.ForKind(new GroupVersionKind("", "v1", "Service"));

    /// <summary>Documents are pods' specs, short-handed: <c>c</c> is containers, <c>n</c> a name, and so on.</summary>
    public static TheoryData<string, string, string> PodSpecs => new()
    {
        // Maps are merged, null removes, scalars and atomic lists are replaced.
        { """{"nodeName":"a","hostname":"h"}""", """{"nodeName":"b"}""", """{"nodeName":"b","hostname":"h"}""" },
        { """{"nodeName":"a","hostname":"h"}""", """{"nodeName":null,"subdomain":null}""", """{"hostname":"h"}""" },
        { """{"nodeSelector":{"a":"1","b":"2"}}""", """{"nodeSelector":{"b":null,"c":"3"}}""", """{"nodeSelector":{"a":"1","c":"3"}}""" },
        { """{"tolerations":[{"key":"a"},{"key":"b"}]}""", """{"tolerations":[{"key":"c"}]}""", """{"tolerations":[{"key":"c"}]}""" },
        { """{}""", """{"securityContext":{"runAsUser":null,"fsGroup":0}}""", """{"securityContext":{"fsGroup":0}}""" },

        // Items of a merge list are paired by their key; the patch's come in its order, the others where they stood.
        {
            """{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]}""",
            """{"containers":[{"name":"b","image":"3"}]}""",
            """{"containers":[{"name":"a","image":"1"},{"name":"b","image":"3"}]}"""
        },
        {
            """{"containers":[{"name":"a"},{"name":"b"}]}""",
            """{"containers":[{"name":"c"},{"name":"a","image":"1"}]}""",
            """{"containers":[{"name":"c"},{"name":"a","image":"1"},{"name":"b"}]}"""
        },
        {
            """{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}""",
            """{"containers":[{"name":"c","image":"1"},{"name":"a","image":"2"}]}""",
            """{"containers":[{"name":"b"},{"name":"c","image":"1"},{"name":"a","image":"2"}]}"""
        },
        {
            """{"containers":[{"name":"a","ports":[{"containerPort":80,"protocol":"TCP"}]}]}""",
            """{"containers":[{"name":"a","ports":[{"containerPort":80,"name":"http"},{"containerPort":443}]}]}""",
            """{"containers":[{"name":"a","ports":[{"containerPort":80,"protocol":"TCP","name":"http"},{"containerPort":443}]}]}"""
        },
        {
            """{"containers":[{"name":"a","args":["x","y"]}]}""",
            """{"containers":[{"name":"a","args":["z"]}]}""",
            """{"containers":[{"name":"a","args":["z"]}]}"""
        },

        // $setElementOrder puts the list into its order; what it does not name keeps its place.
        {
            """{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}""",
            """{"$setElementOrder/containers":[{"name":"c"},{"name":"a"}],"containers":[{"name":"a","image":"1"}]}""",
            """{"containers":[{"name":"b"},{"name":"c"},{"name":"a","image":"1"}]}"""
        },
        {
            """{"containers":[{"name":"a"},{"name":"b"}]}""",
            """{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]}""",
            """{"containers":[{"name":"b"},{"name":"a"}]}"""
        },
        {
            """{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}""",
            """{"$setElementOrder/containers":[{"name":"d"},{"name":"a"},{"name":"c"}],"containers":[{"name":"d"},{"$patch":"delete","name":"b"}]}""",
            """{"containers":[{"name":"d"},{"name":"a"},{"name":"c"}]}"""
        },
        {
            """{}""",
            """{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"b"},{"name":"a"}]}""",
            """{"containers":[{"name":"b"},{"name":"a"}]}"""
        },
        { """{}""", """{"$setElementOrder/containers":[{"name":"b"}]}""", """{}""" },

        // $patch of an item.
        {
            """{"containers":[{"name":"a"},{"name":"b"}]}""",
            """{"containers":[{"$patch":"delete","name":"a"},{"$patch":"delete","name":"none"}]}""",
            """{"containers":[{"name":"b"}]}"""
        },
        {
            """{"containers":[{"name":"a"},{"name":"b"}]}""",
            """{"containers":[{"$patch":"replace"},{"name":"c"}]}""",
            """{"containers":[{"name":"c"}]}"""
        },
        { """{"containers":[{"name":"a"}]}""", """{"containers":[{"$patch":"replace"}]}""", """{"containers":[]}""" },
        {
            """{"containers":[{"name":"a","image":"1","tty":true}]}""",
            """{"containers":[{"name":"a","image":"2","resources":{"$patch":"replace","limits":{"cpu":"1"}}}]}""",
            """{"containers":[{"name":"a","image":"2","tty":true,"resources":{"limits":{"cpu":"1"}}}]}"""
        },

        // $patch of a map.
        { """{"securityContext":{"runAsUser":1,"fsGroup":2}}""", """{"securityContext":{"$patch":"replace","fsGroup":3}}""", """{"securityContext":{"fsGroup":3}}""" },
        { """{"securityContext":{"runAsUser":1}}""", """{"securityContext":{"$patch":"delete"}}""", """{"securityContext":{}}""" },

        // $retainKeys: a volume changes its source.
        {
            """{"volumes":[{"name":"v","emptyDir":{"medium":"Memory"}}]}""",
            """{"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x"}}]}""",
            """{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}"""
        },
        {
            """{}""",
            """{"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x","type":null}}]}""",
            """{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}"""
        },

        // Directives and nulls in what is new leave no trace.
        {
            """{}""",
            """{"containers":[{"name":"a","image":null,"$setElementOrder/env":[{"name":"x"}],"env":[{"name":"x","value":null}]},{"$patch":"delete","name":"b"}]}""",
            """{"containers":[{"name":"a","env":[{"name":"x"}]}]}"""
        },
        {
            """{"containers":[]}""",
            """{"containers":[{"name":"a","$deleteFromPrimitiveList/args":["x"]}]}""",
            """{"containers":[{"name":"a"}]}"""
        },
        { """{"terminationGracePeriodSeconds":9007199254740993}""", """{"priority":1}""", """{"terminationGracePeriodSeconds":9007199254740993,"priority":1}""" },
    };

    [Theory]
    [MemberData(nameof(PodSpecs))]
    public void A_pod_is_patched_as_kubectl_users_know(string spec, string patch, string expected)
    {
        var before = new JsonObject { ["spec"] = JsonNode.Parse(spec) };
        string beforeText = before.ToJsonString();
        var change = new JsonObject { ["spec"] = JsonNode.Parse(patch) };
        string changeText = change.ToJsonString();

        var after = StrategicMergePatch.Apply(before, change, Pod);

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), after["spec"]), after["spec"]!.ToJsonString());
        Assert.Equal((beforeText, changeText), (before.ToJsonString(), change.ToJsonString()));
    }

    [Theory]
    [InlineData("""["a","b"]""", """{"finalizers":["c","a"]}""", """["c","a","b"]""")]
    [InlineData("""["a","b"]""", """{"finalizers":["c"]}""", """["c","a","b"]""")]
    [InlineData("""["a","b","c"]""", """{"$deleteFromPrimitiveList/finalizers":["b","none"]}""", """["a","c"]""")]
    [InlineData("""["a","b"]""", """{"$deleteFromPrimitiveList/finalizers":["a"],"finalizers":["c"]}""", """["c","b"]""")]
    [InlineData("""["a","b","c"]""", """{"$deleteFromPrimitiveList/finalizers":["a"],"$setElementOrder/finalizers":["c","d"],"finalizers":["d"]}""", """["b","c","d"]""")]
    [InlineData("""["a"]""", """{"$patch":"replace"}""", null)]
    [InlineData("null", """{"$deleteFromPrimitiveList/finalizers":["a"]}""", null)]
    [InlineData("""["a"]""", """{"finalizers":[]}""", """["a"]""")]
    [InlineData("""["a"]""", """{"finalizers":null}""", null)]
    public void A_list_of_scalars_that_is_merged_is_a_set(string finalizers, string patch, string? expected)
    {
        var metadata = new JsonObject();
        if (JsonNode.Parse(finalizers) is { } list)
            metadata["finalizers"] = list;

        var after = StrategicMergePatch.Apply(
            new JsonObject { ["metadata"] = metadata }, new JsonObject { ["metadata"] = JsonNode.Parse(patch) }, Pod);

        Assert.Equal(expected, after["metadata"]!["finalizers"]?.ToJsonString());
    }

    [Fact]
    public void A_strategy_changes_its_type_by_retained_keys()
    {
        var before = JsonNode.Parse("""{"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}}""")!.AsObject();
        var patch = JsonNode.Parse("""{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}""")!.AsObject();

        var after = StrategicMergePatch.Apply(before, patch, Deployment);

        Assert.Equal("""{"spec":{"strategy":{"type":"Recreate"}}}""", after.ToJsonString());
    }

    [Fact]
    public void Ports_of_a_service_are_paired_by_their_number()
    {
        var before = JsonNode.Parse("""{"spec":{"ports":[{"port":53,"protocol":"TCP"},{"port":80}]}}""")!.AsObject();
        var patch = JsonNode.Parse("""{"spec":{"ports":[{"port":80,"targetPort":"web"}]}}""")!.AsObject();

        var after = StrategicMergePatch.Apply(before, patch, Service);

        Assert.Equal("""{"spec":{"ports":[{"port":53,"protocol":"TCP"},{"port":80,"targetPort":"web"}]}}""", after.ToJsonString());
    }

    [Theory]
    [InlineData("""{"spec":{"containers":[{"image":"x"}]}}""", 500, "map: map[image:x] does not contain declared merge key: name")]
    [InlineData("""{"spec":{"containers":[{"$patch":"delete"}]}}""", 500, "map: map[$patch:delete] does not contain declared merge key: name")]
    [InlineData("""{"spec":{"containers":[{"$patch":"melt","name":"a"}]}}""", 500, "unknown patch type: melt in map: map[$patch:melt name:a]")]
    [InlineData("""{"spec":{"containers":[{"$patch":"merge","name":"a"}]}}""", 500, "merging lists cannot yet be specified in the patch")]
    [InlineData("""{"spec":{"$patch":"melt"}}""", 500, "unknown patch type: melt in map: map[$patch:melt]")]
    [InlineData("""{"spec":{"containers":[["x"]]}}""", 422, "the server rejected our request due to an error in our request")]
    [InlineData("""{"spec":{"containers":["x"]}}""", 500, "list element types are not identical: [[map[name:a]] [x]]")]
    [InlineData("""{"spec":{"$retainKeys":"x"}}""", 400, "invalid patch format of retainKeys")]
    [InlineData("""{"spec":{"$retainKeys":["a"],"hostname":"h"}}""", 400, "invalid patch format of retainKeys")]
    [InlineData("""{"metadata":{"$deleteFromPrimitiveList/finalizers":"a"}}""", 400, "invalid patch format of primitive list")]
    [InlineData("""{"metadata":{"$deleteFromPrimitiveList":["a"]}}""", 400, "invalid patch format of primitive list")]
    [InlineData("""{"spec":{"$setElementOrder/containers":"x"}}""", 400, "invalid patch format of setElementOrder list")]
    [InlineData("""{"spec":{"$setElementOrder/containers":[{"name":"b"}],"containers":[{"name":"a","image":"x"}]}}""", 500,
        "The order in patch list:\n[map[image:x name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n")]
    public void A_patch_that_contradicts_itself_is_refused_in_the_words_of_Kubernetes(string patch, int code, string message)
    {
        var before = JsonNode.Parse("""{"metadata":{"finalizers":["a"]},"spec":{"containers":[{"name":"a"}]}}""")!.AsObject();

        var refusal = Assert.Throws<ApiException>(() => StrategicMergePatch.Apply(before, JsonNode.Parse(patch)!.AsObject(), Pod));

        Assert.Equal((code, message), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void Random_lists_are_merged_as_dictionaries_are_and_keep_both_orders()
    {
        for (int seed = 0; seed < 5000; seed++)
        {
            var random = new Random(seed);
            string[] live = RandomNames(random);
            string[] changed = RandomNames(random);
            string[] deleted = [.. RandomNames(random).Except(changed)];
            string[]? order = random.Next(2) == 0 ? null : [.. changed.Concat(live.Except(deleted).Except(changed)).OrderBy(_ => random.Next())];
            if (order is not null)
                changed = [.. changed.OrderBy(name => Array.IndexOf(order, name))];
            var patch = new JsonObject
            {
                ["containers"] = new JsonArray([.. changed.Select(name => Container(name, "new"))
                    .Concat(deleted.Select(name => new JsonObject { ["$patch"] = "delete", ["name"] = name }))]),
            };
            if (order is not null)
                patch["$setElementOrder/containers"] = new JsonArray([.. order.Select(name => new JsonObject { ["name"] = name })]);

            var merged = StrategicMergePatch.Apply(
                new JsonObject { ["spec"] = new JsonObject { ["containers"] = new JsonArray([.. live.Select(name => Container(name, "old"))]) } },
                new JsonObject { ["spec"] = patch },
                Pod);

            var result = merged["spec"]!["containers"]!.AsArray().Select(item => (Name: (string)item!["name"]!, Image: (string)item["image"]!)).ToList();
            string about = $"seed {seed}: {string.Join(',', live)} by {patch.ToJsonString()} gave {string.Join(',', result)}";
            Assert.True(live.Except(deleted).Union(changed).Order().SequenceEqual(result.Select(item => item.Name).Order()), about);
            Assert.True(result.All(item => item.Image == (changed.Contains(item.Name) ? "new" : "old")), about);
            string[] named = order ?? changed;
            Assert.True(named.Where(name => result.Any(item => item.Name == name)).SequenceEqual(result.Select(item => item.Name).Where(named.Contains)), about);
            Assert.True(live.Where(name => !named.Contains(name) && !deleted.Contains(name))
                .SequenceEqual(result.Select(item => item.Name).Where(name => !named.Contains(name))), about);
        }
    }

    [Fact]
    public void Any_patch_of_any_document_is_either_carried_out_or_refused()
    {
        int done = 0;
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var document = HostileDocuments.Map(random, 6);
            var patch = HostileDocuments.Map(random, 6);
            string before = document.ToJsonString();
            try
            {
                StrategicMergePatch.Apply(document, patch, Pod).ToJsonString();
                done++;
            }
            catch (ApiException refusal)
            {
                Assert.InRange(refusal.Code, 400, 500);
            }
            Assert.Equal(before, document.ToJsonString());
        }
        Assert.True(done > 2000, $"only {done} were carried out");
    }

    private static JsonObject Container(string name, string image) => new() { ["name"] = name, ["image"] = image };

    private static string[] RandomNames(Random random) =>
        [.. Enumerable.Range(0, random.Next(6)).Select(_ => "abcdef"[random.Next(6)].ToString()).Distinct()];
}
