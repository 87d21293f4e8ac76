using System.Text.Json.Nodes;
using Orchestrator.Api.ManagedFields;

namespace Orchestrator.Api.Tests.ManagedFields;

public sealed class ManagedFieldsUpdaterTests
{
    private const string DeploymentAsStored = """
        {"metadata":{"uid":"u","resourceVersion":"1","generation":1,"creationTimestamp":"2024-05-06T07:08:09Z","labels":{"app":"web"}},
         "spec":{"progressDeadlineSeconds":600,"replicas":1,"revisionHistoryLimit":10,"selector":{"matchLabels":{"app":"web"}},
           "strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"},"type":"RollingUpdate"},
           "template":{"metadata":{"labels":{"app":"web"}},
             "spec":{"containers":[{"image":"nginx","imagePullPolicy":"Always","name":"nginx","terminationMessagePath":"/dev/termination-log",
                 "terminationMessagePolicy":"File","resources":{}}],
               "dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},
               "terminationGracePeriodSeconds":30}}},
         "status":{}}
        """;

    [Fact]
    public void A_new_deployment_belongs_to_its_creator_as_on_a_real_cluster()
    {
        var deployment = new ManagedDocument("Deployment", "apps/v1").Update("kubectl-create", DeploymentAsStored);

        const string Expected = """
            {"f:metadata":{"f:labels":{".":{},"f:app":{}}},
             "f:spec":{"f:progressDeadlineSeconds":{},"f:replicas":{},"f:revisionHistoryLimit":{},"f:selector":{},
               "f:strategy":{"f:rollingUpdate":{".":{},"f:maxSurge":{},"f:maxUnavailable":{}},"f:type":{}},
               "f:template":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},
                 "f:spec":{"f:containers":{"k:{\"name\":\"nginx\"}":{".":{},"f:image":{},"f:imagePullPolicy":{},"f:name":{},"f:resources":{},
                     "f:terminationMessagePath":{},"f:terminationMessagePolicy":{}}},
                   "f:dnsPolicy":{},"f:restartPolicy":{},"f:schedulerName":{},"f:securityContext":{},"f:terminationGracePeriodSeconds":{}}}}}
            """;
        Assert.Equal(JsonNode.Parse(Expected)!.ToJsonString(), JsonNode.Parse(deployment.FieldsOf("kubectl-create", "Update")!)!.ToJsonString());
        Assert.Equal("""{"manager":"kubectl-create","operation":"Update","apiVersion":"apps/v1","time":"2024-05-06T07:08:01Z","fieldsType":"FieldsV1"}""",
            WithoutFields(deployment.Entry("kubectl-create", "Update")!));
    }

    [Fact]
    public void A_status_written_through_its_subresource_has_an_entry_of_its_own()
    {
        string withStatus = DeploymentAsStored.Replace("\"status\":{}",
            "\"status\":{\"replicas\":1,\"conditions\":[{\"type\":\"Available\",\"status\":\"True\",\"reason\":\"r\",\"message\":\"m\"}]}", StringComparison.Ordinal);
        var deployment = new ManagedDocument("Deployment", "apps/v1").Update("kubectl-create", DeploymentAsStored)
            .Update("kube-controller-manager", withStatus, "status");

        Assert.Equal("""{"f:status":{"f:conditions":{".":{},"k:{\"type\":\"Available\"}":{".":{},"f:message":{},"f:reason":{},"f:status":{},"f:type":{}}},"f:replicas":{}}}""",
            deployment.FieldsOf("kube-controller-manager", "Update", "status"));
        Assert.Equal("status", (string?)deployment.Entry("kube-controller-manager", "Update", "status")!["subresource"]);
        Assert.DoesNotContain("f:status\"", deployment.FieldsOf("kubectl-create", "Update")!, StringComparison.Ordinal);
    }

    [Fact]
    public void Through_the_status_of_a_deployment_nobody_comes_to_own_its_labels()
    {
        var deployment = new ManagedDocument("Deployment", "apps/v1").Update("a", """{"metadata":{"labels":{"x":"1"}},"spec":{"replicas":1}}""")
            .Update("b", """{"metadata":{"labels":{"x":"2"}},"spec":{"replicas":2},"status":{"replicas":1}}""", "status");

        Assert.Equal("""{"f:status":{"f:replicas":{}}}""", deployment.FieldsOf("b", "Update", "status"));
        Assert.Equal("""{"f:metadata":{"f:labels":{".":{},"f:x":{}}},"f:spec":{"f:replicas":{}}}""", deployment.FieldsOf("a", "Update"));
    }

    [Fact]
    public void A_change_takes_the_field_from_whoever_had_it()
    {
        var map = new ManagedDocument("ConfigMap").Update("a", """{"data":{"x":"1","y":"1"}}""").Update("b", """{"data":{"x":"2","y":"1"}}""");

        Assert.Equal("""{"f:data":{".":{},"f:y":{}}}""", map.FieldsOf("a", "Update"));
        Assert.Equal("""{"f:data":{"f:x":{}}}""", map.FieldsOf("b", "Update"));
    }

    [Fact]
    public void A_manager_that_writes_again_keeps_what_it_had()
    {
        var map = new ManagedDocument("ConfigMap").Update("a", """{"data":{"x":"1"}}""").Update("b", """{"data":{"x":"1","y":"1"}}""")
            .Update("a", """{"data":{"x":"1","y":"1","z":"1"}}""");

        Assert.Equal("""{"f:data":{".":{},"f:x":{},"f:z":{}}}""", map.FieldsOf("a", "Update"));
        Assert.Equal((3, 2), (map.SecondsOf("a", "Update"), map.SecondsOf("b", "Update")));
    }

    [Fact]
    public void A_removed_field_is_nobodys_and_a_manager_without_fields_is_gone()
    {
        var map = new ManagedDocument("ConfigMap").Update("a", """{"data":{"x":"1"}}""").Update("b", """{"data":{"x":"1","y":"1"}}""")
            .Update("c", """{"data":{"x":"1"}}""");

        Assert.Equal(["a:Update"], map.Managers);
    }

    [Fact]
    public void A_write_that_changes_nothing_leaves_the_record_as_it_was()
    {
        var map = new ManagedDocument("ConfigMap").Update("a", """{"data":{"x":"1"}}""");
        string before = map.Live!.ToJsonString();

        map.Update("b", """{"data":{"x":"1"}}""");

        Assert.Equal(before, map.Live.ToJsonString());
    }

    [Fact]
    public void The_request_may_clear_the_record_and_what_it_cannot_be_read_from_is_taken_from_the_live_object()
    {
        var schema = SchemaSet.Kubernetes.ForKind(new GroupVersionKind("", "v1", "ConfigMap"));
        var live = new ManagedDocument("ConfigMap").Update("a", """{"data":{"x":"1"}}""").Live!;
        var cleared = (JsonObject)live.DeepClone();
        cleared["metadata"]!["managedFields"] = new JsonArray(new JsonObject());
        var broken = (JsonObject)live.DeepClone();
        broken["metadata"]!["managedFields"] = new JsonArray(new JsonObject { ["manager"] = "x" });

        ManagedFieldsUpdater.Update(live, cleared, "b", "", DateTimeOffset.UnixEpoch, schema);
        ManagedFieldsUpdater.Update(live, broken, "b", "", DateTimeOffset.UnixEpoch, schema);

        Assert.Null(cleared["metadata"]!["managedFields"]);
        Assert.True(JsonNode.DeepEquals(live, broken));
    }

    [Fact]
    public void A_writer_without_a_name_is_unknown()
    {
        Assert.Equal(["unknown:Update"], new ManagedDocument("ConfigMap").Update("", """{"data":{"x":"1"}}""").Managers);
    }

    [Fact]
    public void Of_too_many_updaters_the_oldest_become_one()
    {
        var map = new ManagedDocument("ConfigMap");
        var data = new JsonObject();
        for (int i = 0; i < 13; i++)
        {
            data[$"k{i}"] = "1";
            map.Update($"m{i:00}", new JsonObject { ["data"] = data.DeepClone() }.ToJsonString());
        }

        Assert.Equal(FieldManagers.UpdatersLimit, map.Managers.Length);
        Assert.Equal("""{"f:data":{".":{},"f:k0":{},"f:k1":{},"f:k2":{},"f:k3":{}}}""", map.FieldsOf("ancient-changes", "Update"));
        Assert.Equal(4, map.SecondsOf("ancient-changes", "Update"));
        Assert.Equal("ancient-changes:Update", map.Managers[0]);
    }

    [Fact]
    public void Items_that_stand_twice_are_one_field()
    {
        const string Once = """{"spec":{"containers":[{"name":"a","env":[{"name":"E","value":"1"}]}]}}""";
        const string Twice = """{"spec":{"containers":[{"name":"a","env":[{"name":"E","value":"1"},{"name":"E","value":"2"}]}]}}""";

        var pod = new ManagedDocument("Pod").Update("a", Once).Update("b", Twice);

        Assert.Equal("""{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{"f:env":{"k:{\"name\":\"E\"}":{}}}}}}""", pod.FieldsOf("b", "Update"));
        Assert.DoesNotContain("f:value", pod.FieldsOf("a", "Update")!, StringComparison.Ordinal);
    }

    [Fact]
    public void Ports_are_named_by_number_and_protocol_even_where_the_protocol_is_not_said()
    {
        var service = new ManagedDocument("Service").Update("a", """{"spec":{"ports":[{"port":80}]}}""");

        Assert.Contains("""k:{"port":80,"protocol":"TCP"}""", service.FieldsOf("a", "Update")!.Replace("\\\"", "\"", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_that_renewed_only_times_gets_the_old_times_back()
    {
        var live = new ManagedDocument("ConfigMap").Update("a", """{"data":{"x":"1"}}""").Live!;
        var again = (JsonObject)live.DeepClone();
        again["metadata"]!["managedFields"]![0]!["time"] = "2030-01-01T00:00:00Z";
        JsonObject[] others = [.. Enumerable.Range(0, 4).Select(_ => (JsonObject)again.DeepClone())];
        others[0]["data"]!["x"] = "2";
        others[1]["metadata"]!["labels"] = new JsonObject();
        others[2]["metadata"]!["managedFields"]![0]!["manager"] = "b";
        others[3]["immutable"] = true;

        ManagedFieldsUpdater.KeepTimesIfNothingChanged(live, again);
        foreach (var other in others)
            ManagedFieldsUpdater.KeepTimesIfNothingChanged(live, other);

        Assert.True(JsonNode.DeepEquals(live, again));
        Assert.All(others, other => Assert.Equal("2030-01-01T00:00:00Z", (string?)other["metadata"]!["managedFields"]![0]!["time"]));
    }

    [Fact]
    public void Random_writers_own_what_they_changed_last()
    {
        for (int seed = 0; seed < 1000; seed++)
        {
            var random = new Random(seed);
            var pod = new ManagedDocument("Pod");
            var owners = new Dictionary<string, string>();
            var now = new Dictionary<string, string>();
            for (int step = 0; step < 6; step++)
            {
                string writer = "abc"[random.Next(3)].ToString();
                var next = new Dictionary<string, string>();
                for (int i = random.Next(5); i > 0; i--)
                    next["wxyz"[random.Next(4)].ToString()] = "12"[random.Next(2)].ToString();

                pod.Update(writer, new JsonObject
                {
                    ["spec"] = new JsonObject
                    {
                        ["containers"] = new JsonArray([.. next.Select(item => new JsonObject { ["name"] = item.Key, ["image"] = item.Value })]),
                    },
                }.ToJsonString());

                foreach (string gone in now.Keys.Except(next.Keys))
                    owners.Remove(gone);
                foreach (var (name, image) in next)
                {
                    if (!now.TryGetValue(name, out string? before) || before != image)
                        owners[name] = writer;
                }
                now = next;
                foreach (string manager in new[] { "a", "b", "c" })
                {
                    var items = pod.Entry(manager, "Update")?["fieldsV1"]!["f:spec"]?["f:containers"]?.AsObject() ?? [];
                    var owned = items.Where(item => item.Value!["f:image"] is not null).Select(item => item.Key["k:{'name':'".Length].ToString());
                    Assert.True(owners.Where(owner => owner.Value == manager).Select(owner => owner.Key).Order().SequenceEqual(owned.Order()),
                        $"seed {seed} step {step}: {manager} has {pod.FieldsOf(manager, "Update")}");
                }
            }
        }
    }

    [Fact]
    public void A_record_with_keys_in_another_order_is_understood()
    {
        var service = new ManagedDocument("Service").Update("a", """{"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":80}]}}""");
        var ports = service.Live!["metadata"]!["managedFields"]![0]!["fieldsV1"]!["f:spec"]!["f:ports"]!.AsObject();
        var (key, fields) = ports.Single(port => port.Key.StartsWith("k:", StringComparison.Ordinal));
        ports.Remove(key);
        ports["k:{\"protocol\":\"TCP\",\"port\":80}"] = fields;

        service.Update("b", """{"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":81}]}}""");

        Assert.DoesNotContain("f:targetPort", service.FieldsOf("a", "Update")!, StringComparison.Ordinal);
    }

    private static string WithoutFields(JsonObject entry)
    {
        var copy = (JsonObject)entry.DeepClone();
        copy.Remove("fieldsV1");
        return copy.ToJsonString();
    }
}
