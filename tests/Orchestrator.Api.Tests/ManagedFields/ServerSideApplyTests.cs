using System.Text.Json.Nodes;
using Orchestrator.Api.ManagedFields;
using Orchestrator.Api.Tests.Patches;

namespace Orchestrator.Api.Tests.ManagedFields;

public sealed class ServerSideApplyTests
{
    private const string Template = "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"}]}}";

    [Fact]
    public void The_first_apply_makes_the_object_and_owns_what_it_says()
    {
        var deployment = new ManagedDocument("Deployment", "apps/v1").Apply("kubectl", $$$$"""{"spec":{"replicas":3,{{{{Template}}}}}}""");

        Assert.Equal($$$$"""{"spec":{"replicas":3,{{{{Template}}}}}}""", deployment.Content);
        Assert.Equal(
            """{"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{}}}}}}}""",
            deployment.FieldsOf("kubectl"));
        Assert.Equal(["kubectl:Apply"], deployment.Managers);
    }

    [Fact]
    public void What_the_applier_no_longer_says_goes()
    {
        var map = new ManagedDocument("ConfigMap").Apply("a", """{"data":{"x":"1","y":"1"}}""").Apply("a", """{"data":{"y":"1"}}""");

        Assert.Equal("""{"data":{"y":"1"}}""", map.Content);
        Assert.Equal("""{"f:data":{"f:y":{}}}""", map.FieldsOf("a"));
    }

    [Fact]
    public void What_another_also_applied_stays_when_one_drops_it()
    {
        var map = new ManagedDocument("ConfigMap").Apply("a", """{"data":{"x":"1","y":"1"}}""").Apply("b", """{"data":{"x":"1"}}""")
            .Apply("a", """{"data":{"y":"1"}}""");

        Assert.Equal("""{"data":{"x":"1","y":"1"}}""", map.Content);
        Assert.Equal(("""{"f:data":{"f:y":{}}}""", """{"f:data":{"f:x":{}}}"""), (map.FieldsOf("a"), map.FieldsOf("b")));
    }

    [Fact]
    public void A_field_of_another_is_a_conflict_with_the_text_that_users_know()
    {
        var deployment = new ManagedDocument("Deployment", "apps/v1").Update("hpa", $$$$"""{"spec":{"replicas":5,{{{{Template}}}}}}""");
        string before = deployment.Live!.ToJsonString();

        var refusal = Assert.Throws<ApiException>(() => deployment.Apply("kubectl", """{"spec":{"replicas":3}}"""));

        Assert.Equal((409, "Conflict"), (refusal.Code, refusal.Reason));
        Assert.Equal("Apply failed with 1 conflict: conflict with \"hpa\" using apps/v1: .spec.replicas", refusal.Message);
        var cause = Assert.Single(refusal.Status.Details!.Causes!);
        Assert.Equal(("FieldManagerConflict", "conflict with \"hpa\" using apps/v1", ".spec.replicas"), (cause.Reason, cause.Message, cause.Field));
        Assert.Equal(before, deployment.Live!.ToJsonString());
    }

    [Fact]
    public void Several_conflicts_are_listed_by_their_owners()
    {
        var map = new ManagedDocument("ConfigMap").Apply("b", """{"data":{"x":"1","y":"1"}}""").Update("a", """{"data":{"x":"1","y":"1","z":"1"}}""");

        var refusal = Assert.Throws<ApiException>(() => map.Apply("c", """{"data":{"x":"2","y":"2","z":"2"}}"""));

        Assert.Equal("Apply failed with 3 conflicts: conflicts with \"a\" using v1:\n- .data.z\nconflicts with \"b\":\n- .data.x\n- .data.y", refusal.Message);
        Assert.Equal(3, refusal.Status.Details!.Causes!.Count);
    }

    [Fact]
    public void Who_insists_takes_the_field()
    {
        var map = new ManagedDocument("ConfigMap").Apply("a", """{"data":{"x":"1","y":"1"}}""").Apply("b", """{"data":{"x":"2"}}""", force: true);

        Assert.Equal("""{"data":{"x":"2","y":"1"}}""", map.Content);
        Assert.Equal(("""{"f:data":{"f:y":{}}}""", """{"f:data":{"f:x":{}}}"""), (map.FieldsOf("a"), map.FieldsOf("b")));
    }

    [Fact]
    public void Equal_values_are_owned_by_both()
    {
        var map = new ManagedDocument("ConfigMap").Apply("a", """{"data":{"x":"1"}}""").Apply("b", """{"data":{"x":"1"}}""");

        Assert.Equal(("""{"f:data":{"f:x":{}}}""", """{"f:data":{"f:x":{}}}"""), (map.FieldsOf("a"), map.FieldsOf("b")));
        Assert.Throws<ApiException>(() => map.Apply("a", """{"data":{"x":"2"}}"""));
    }

    [Fact]
    public void An_apply_that_says_the_same_again_changes_nothing_at_all()
    {
        var map = new ManagedDocument("ConfigMap").Apply("a", """{"data":{"x":"1"}}""");
        string before = map.Live!.ToJsonString();

        map.Apply("a", """{"data":{"x":"1"}}""");

        Assert.Equal(before, map.Live!.ToJsonString());
    }

    [Fact]
    public void Items_are_merged_by_their_keys_and_others_items_stay()
    {
        var pod = new ManagedDocument("Pod")
            .Apply("a", """{"spec":{"containers":[{"name":"x","image":"1"},{"name":"y","image":"1"}]}}""")
            .Update("sidecars", """{"spec":{"containers":[{"name":"side","image":"s"},{"name":"x","image":"1"},{"name":"y","image":"1"}]}}""")
            .Apply("a", """{"spec":{"containers":[{"name":"y","image":"2"},{"name":"z","image":"1"}]}}""");

        Assert.Equal("""{"spec":{"containers":[{"name":"side","image":"s"},{"name":"y","image":"2"},{"name":"z","image":"1"}]}}""", pod.Content);
    }

    [Fact]
    public void An_item_that_another_put_something_into_loses_only_what_the_applier_said()
    {
        var pod = new ManagedDocument("Pod")
            .Apply("a", """{"spec":{"containers":[{"name":"x","image":"1"},{"name":"y","image":"1"}]}}""")
            .Apply("b", """{"spec":{"containers":[{"name":"y","tty":true}]}}""")
            .Apply("a", """{"spec":{"containers":[{"name":"x","image":"1"}]}}""");

        Assert.Equal("""{"spec":{"containers":[{"name":"x","image":"1"},{"name":"y","tty":true}]}}""", pod.Content);
        Assert.Equal("""{"f:spec":{"f:containers":{"k:{\"name\":\"y\"}":{".":{},"f:name":{},"f:tty":{}}}}}""", pod.FieldsOf("b"));
    }

    [Fact]
    public void An_item_goes_with_what_others_put_into_it_if_none_of_them_has_the_item()
    {
        var pod = new ManagedDocument("Pod")
            .Apply("a", """{"spec":{"containers":[{"name":"x"},{"name":"y"}]}}""")
            .Update("b", """{"spec":{"containers":[{"name":"x"},{"name":"y","env":[{"name":"E","value":"1"}]}]}}""")
            .Apply("a", """{"spec":{"containers":[{"name":"x"}]}}""");

        Assert.Equal("""{"spec":{"containers":[{"name":"x"}]}}""", pod.Content);
        Assert.Equal(["a:Apply"], pod.Managers);
    }

    [Fact]
    public void Of_an_item_that_another_has_too_only_the_appliers_part_goes()
    {
        var pod = new ManagedDocument("Pod")
            .Apply("a", """{"spec":{"containers":[{"name":"x"},{"name":"y","env":[{"name":"C"}]}]}}""")
            .Apply("b", """{"spec":{"containers":[{"name":"y","env":[{"name":"D"}]}]}}""")
            .Update("c", """{"spec":{"containers":[{"name":"x"},{"name":"y","env":[{"name":"C"},{"name":"D"},{"name":"E"}]}]}}""")
            .Apply("a", """{"spec":{"containers":[{"name":"x"}]}}""");

        Assert.Equal("""{"spec":{"containers":[{"name":"x"},{"name":"y","env":[{"name":"D"},{"name":"E"}]}]}}""", pod.Content);
        Assert.Equal("""{"f:spec":{"f:containers":{"k:{\"name\":\"y\"}":{"f:env":{"k:{\"name\":\"E\"}":{".":{},"f:name":{}}}}}}}""",
            pod.FieldsOf("c", "Update"));
    }

    [Theory]
    [InlineData("""{"spec":{}}""")]
    [InlineData("""{"spec":{"strategy":{}}}""")]
    [InlineData("""{"spec":{"strategy":null}}""")]
    public void A_structure_keeps_what_another_put_into_it(string lastSaid)
    {
        var deployment = new ManagedDocument("Deployment", "apps/v1")
            .Apply("a", """{"spec":{"strategy":{"type":"RollingUpdate"}}}""")
            .Update("b", """{"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}}""")
            .Apply("a", lastSaid);

        Assert.Equal("""{"spec":{"strategy":{"rollingUpdate":{"maxSurge":1}}}}""", deployment.Content);
    }

    [Fact]
    public void What_another_took_over_stays_when_the_applier_drops_it()
    {
        var deployment = new ManagedDocument("Deployment", "apps/v1").Apply("a", """{"spec":{"replicas":1}}""").Update("b", """{"spec":{"replicas":2}}""")
            .Apply("a", """{"spec":{"paused":true}}""");

        Assert.Equal("""{"spec":{"replicas":2,"paused":true}}""", deployment.Content);
        Assert.Equal("""{"f:spec":{"f:paused":{}}}""", deployment.FieldsOf("a"));
    }

    [Fact]
    public void Who_drops_everything_leaves_nothing_and_no_entry()
    {
        var map = new ManagedDocument("ConfigMap").Apply("a", """{"data":{"x":"1"}}""").Apply("a", "{}");

        Assert.Equal("{}", map.Content);
        Assert.Empty(map.Managers);
    }

    [Theory]
    [InlineData("abcd", "abcd", "abcd")]
    [InlineData("adbc", "abcd", "abcd")]
    [InlineData("abxcd", "abcd", "abxcd")]
    [InlineData("xab", "ba", "xba")]
    [InlineData("ab", "cab", "cab")]
    [InlineData("xy", "ab", "xyab")]
    public void Merged_items_stand_in_the_applied_order_and_others_where_they_stood(string live, string applied, string merged)
    {
        static string Spec(string names) => $$"""{"spec":{"containers":[{{string.Join(',', names.Select(name => $$"""{"name":"{{name}}"}"""))}}]} }""";

        var pod = new ManagedDocument("Pod").Update("u", Spec(live)).Apply("a", Spec(applied), force: true);

        Assert.Equal(merged, string.Concat(pod.Live!["spec"]!["containers"]!.AsArray().Select(item => (string)item!["name"]!)));
    }

    [Fact]
    public void An_item_goes_with_what_its_defaults_put_into_it()
    {
        var pod = new ManagedDocument("Pod").Apply("a", """{"spec":{"containers":[{"name":"x","image":"1"},{"name":"y","image":"1"}]}}""");
        // Defaults are set after an apply and are nobody's.
        foreach (var container in pod.Live!["spec"]!["containers"]!.AsArray())
            container!["imagePullPolicy"] = "Always";

        pod.Apply("a", """{"spec":{"containers":[{"name":"x","image":"1"}]}}""");

        Assert.Equal("""{"spec":{"containers":[{"name":"x","image":"1","imagePullPolicy":"Always"}]}}""", pod.Content);
    }

    [Fact]
    public void A_default_that_was_put_in_is_no_conflict_and_may_be_said_later()
    {
        var service = new ManagedDocument("Service").Apply("a", """{"spec":{"ports":[{"port":80}]}}""");
        service.Live!["spec"]!["ports"]![0]!["protocol"] = "TCP";
        service.Live["spec"]!["ports"]![0]!["targetPort"] = 80;

        service.Apply("a", """{"spec":{"ports":[{"port":80,"targetPort":8080}]}}""").Apply("b", """{"spec":{"ports":[{"port":80,"protocol":"UDP"}]}}""");

        Assert.Equal("""{"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080},{"port":80,"protocol":"UDP"}]}}""", service.Content);
    }

    [Fact]
    public void An_atomic_list_or_map_is_owned_and_replaced_as_a_whole()
    {
        var deployment = new ManagedDocument("Deployment", "apps/v1").Apply("a", """{"spec":{"selector":{"matchLabels":{"a":"b"}}}}""");

        Assert.Equal("""{"f:spec":{"f:selector":{}}}""", deployment.FieldsOf("a"));
        deployment.Apply("a", """{"spec":{"selector":{"matchLabels":{"c":"d"}}}}""");
        Assert.Equal("""{"spec":{"selector":{"matchLabels":{"c":"d"}}}}""", deployment.Content);
        Assert.Equal("Apply failed with 1 conflict: conflict with \"a\": .spec.selector",
            Assert.Throws<ApiException>(() => deployment.Apply("b", """{"spec":{"selector":{"matchLabels":{"e":"f"}}}}""")).Message);
    }

    [Fact]
    public void A_set_of_scalars_is_owned_value_by_value()
    {
        var map = new ManagedDocument("ConfigMap").Apply("a", """{"metadata":{"finalizers":["x","y"]}}""").Apply("b", """{"metadata":{"finalizers":["z"]}}""");

        Assert.Equal("""{"f:metadata":{"f:finalizers":{"v:\"z\"":{}}}}""", map.FieldsOf("b"));
        Assert.Equal("""{"metadata":{"finalizers":["x","y","z"]}}""", map.Content);
        Assert.Equal("""{"metadata":{"finalizers":["y","z"]}}""", map.Apply("a", """{"metadata":{"finalizers":["y"]}}""").Content);
    }

    [Fact]
    public void The_status_of_an_object_is_not_applied_through_the_object()
    {
        var deployment = new ManagedDocument("Deployment", "apps/v1").Apply("a", """{"spec":{"replicas":1},"status":{"replicas":1}}""");

        Assert.Equal("""{"f:spec":{"f:replicas":{}}}""", deployment.FieldsOf("a"));
        deployment.Apply("a", """{"spec":{"replicas":2},"status":{"replicas":2}}""", subresource: "status");
        Assert.Equal("""{"f:status":{"f:replicas":{}}}""", deployment.FieldsOf("a", subresource: "status"));
    }

    [Fact]
    public void An_object_from_before_any_record_belongs_to_before_first_apply()
    {
        var map = new ManagedDocument("ConfigMap").Update("a", """{"data":{"x":"1","y":"1"}}""").Forget();

        var refusal = Assert.Throws<ApiException>(() => map.Apply("b", """{"data":{"x":"2"}}"""));
        map.Apply("b", """{"data":{"x":"2"}}""", force: true);

        Assert.Equal("Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.x", refusal.Message);
        Assert.Equal("""{"f:data":{".":{},"f:y":{}}}""", map.FieldsOf("before-first-apply", "Update"));
    }

    [Fact]
    public void Kubectl_takes_over_what_client_side_apply_said()
    {
        const string Annotations = """{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"it\"},\"data\":{\"x\":\"1\"}}\n"}},"data":{"x":"1","y":"1"}}""";
        var map = new ManagedDocument("ConfigMap").Update("kubectl-client-side-apply", Annotations);

        var refusal = Assert.Throws<ApiException>(() => map.Apply("kubectl", """{"data":{"x":"2","y":"2"}}"""));
        Assert.Throws<ApiException>(() => map.Apply("helm", """{"data":{"x":"2"}}"""));
        map.Apply("kubectl", """{"data":{"x":"<2>"}}""");

        Assert.Equal("Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.y", refusal.Message);
        Assert.Equal("<2>", (string?)map.Live!["data"]!["x"]);
        Assert.Equal("""{"apiVersion":"v1","data":{"x":"\u003c2\u003e"},"kind":"ConfigMap","metadata":{"name":"it"}}""" + "\n",
            (string?)map.Live["metadata"]!["annotations"]!["kubectl.kubernetes.io/last-applied-configuration"]);
    }

    [Theory]
    [InlineData("""{"spec":{"replicaz":1}}""", 500, "failed to create typed patch object (/it; apps/v1, Kind=Deployment): .spec.replicaz: field not declared in schema")]
    [InlineData("""{"spec":{"a":1,"b":2}}""", 500, "failed to create typed patch object (/it; apps/v1, Kind=Deployment): errors:\n  .spec.a: field not declared in schema\n  .spec.b: field not declared in schema")]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"a"},{"name":"a"}]}}}}""", 500,
        "failed to create typed patch object (/it; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name=\"a\"]")]
    [InlineData("""{"spec":{"template":{"spec":{"volumes":[{"name":"v","hostPath":7}]}}}}""", 500,
        "failed to create typed patch object (/it; apps/v1, Kind=Deployment): .spec.template.spec.volumes[name=\"v\"].hostPath: expected map, got &{7}")]
    [InlineData("""{"metadata":{"managedFields":[]}}""", 400, "metadata.managedFields must be nil")]
    public void What_cannot_be_applied_is_refused(string content, int code, string message)
    {
        var refusal = Assert.Throws<ApiException>(() => new ManagedDocument("Deployment", "apps/v1").Apply("a", content));

        Assert.Equal((code, message), (refusal.Code, refusal.Message));
    }

    [Fact]
    public void A_null_says_that_there_is_nothing()
    {
        var map = new ManagedDocument("ConfigMap").Update("a", """{"data":{"x":"1"},"immutable":true}""");

        Assert.Equal("Apply failed with 1 conflict: conflict with \"a\" using v1: .immutable",
            Assert.Throws<ApiException>(() => map.Apply("b", """{"immutable":null}""")).Message);
        Assert.Equal("""{"data":{"x":"1"}}""", map.Apply("b", """{"immutable":null}""", force: true).Content);
    }

    [Fact]
    public void Any_document_is_either_applied_or_refused()
    {
        var schema = SchemaSet.Kubernetes.ForKind(new GroupVersionKind("", "v1", "Pod"));
        int applied = 0;
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            JsonObject? live = null;
            for (int step = 0; step < 3; step++)
            {
                try
                {
                    var said = HostileDocuments.Map(random, 6);
                    if (random.Next(4) == 0)
                        ManagedFieldsUpdater.Update(live, said, "u", "", DateTimeOffset.UnixEpoch, schema);
                    else
                        said = ServerSideApply.Apply(live, said, random.Next(2) == 0 ? "kubectl" : "a", random.Next(2) == 0, DateTimeOffset.UnixEpoch, schema);
                    live = JsonNode.Parse(said.ToJsonString())!.AsObject();
                    applied++;
                }
                catch (ApiException refusal)
                {
                    Assert.InRange(refusal.Code, 400, 500);
                }
            }
        }
        Assert.True(applied > 2000, $"only {applied} were applied");
    }

    [Fact]
    public void Random_appliers_get_what_a_slow_model_says()
    {
        string[] appliers = ["a", "b", "c"];
        int refused = 0;
        for (int seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var map = new ManagedDocument("ConfigMap");
            var model = new Dictionary<string, (string Value, HashSet<string> Owners)>();
            for (int step = 0; step < 8; step++)
            {
                string applier = appliers[random.Next(3)];
                var data = new Dictionary<string, string>();
                for (int i = random.Next(4); i > 0; i--)
                    data["wxyz"[random.Next(4)].ToString()] = "12"[random.Next(2)].ToString();
                bool force = random.Next(3) == 0;
                string about = $"seed {seed} step {step}: {applier} {string.Join(',', data)} {force} on {string.Join(',', model.Select(pair => $"{pair.Key}={pair.Value.Value}:{string.Join('+', pair.Value.Owners)}"))}";

                bool conflicts = data.Any(pair => model.TryGetValue(pair.Key, out var there) && there.Value != pair.Value && there.Owners.Any(owner => owner != applier));
                string content = data.Count == 0 ? "{}" : new JsonObject { ["data"] = new JsonObject(data.Select(pair => KeyValuePair.Create<string, JsonNode?>(pair.Key, pair.Value))) }.ToJsonString();
                if (conflicts && !force)
                {
                    refused++;
                    Assert.Throws<ApiException>(() => map.Apply(applier, content));
                    continue;
                }
                map.Apply(applier, content, force);

                foreach (var (key, there) in model.ToArray())
                {
                    if (data.ContainsKey(key) || !there.Owners.Remove(applier))
                        continue;
                    if (there.Owners.Count == 0)
                        model.Remove(key);
                }
                foreach (var (key, value) in data)
                {
                    if (model.TryGetValue(key, out var there) && there.Value == value)
                        there.Owners.Add(applier);
                    else
                        model[key] = (value, [applier]);
                }
                var live = map.Live!["data"] as JsonObject ?? [];
                Assert.True(model.Count == live.Count && model.All(pair => (string?)live[pair.Key] == pair.Value.Value), about + " gave " + map.Content);
                foreach (string owner in appliers)
                {
                    var owned = map.Entry(owner, "Apply")?["fieldsV1"]!["f:data"]?.AsObject().Select(field => field.Key).Where(field => field != ".") ?? [];
                    Assert.True(model.Where(pair => pair.Value.Owners.Contains(owner)).Select(pair => "f:" + pair.Key).Order().SequenceEqual(owned.Order()), about + $" gave {owner} {string.Join(',', owned)}");
                }
            }
        }
        Assert.True(refused > 300, $"only {refused} were refused");
    }
}
