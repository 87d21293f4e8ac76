using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Tests.Objects;

public sealed class ObjectModelTests
{
    public static TheoryData<string, string> Kinds()
    {
        var data = new TheoryData<string, string>();
        foreach (var kind in KindRegistry.All.OrderBy(kind => kind.Definition, StringComparer.Ordinal))
            data.Add(kind.Kind.ApiVersion, kind.Kind.Kind);
        return data;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_document_with_every_field_set_comes_back_as_it_was(string apiVersion, string kind)
    {
        var registered = Find(apiVersion, kind);
        var document = FullDocument.Of(registered);

        var read = KubernetesJson.Deserialize(registered.Kind, Utf8(document));

        var written = JsonNode.Parse(KubernetesJson.Serialize(read));
        Assert.True(JsonNode.DeepEquals(document, written), $"wanted {document.ToJsonString()}\ngot {written!.ToJsonString()}");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_deep_copy_is_the_same_until_any_field_is_changed(string apiVersion, string kind)
    {
        var registered = Find(apiVersion, kind);
        var document = FullDocument.Of(registered);
        var original = KubernetesJson.Deserialize(registered.Kind, Utf8(document));

        var copy = original.DeepClone();

        Assert.True(copy.DeepEquals(original));
        Assert.Equal(KubernetesJson.Serialize(original), KubernetesJson.Serialize(copy));
        foreach (string path in ChangeOneByOne(document))
        {
            var changed = KubernetesJson.Deserialize(registered.Kind, Utf8(document));
            Assert.False(changed.DeepEquals(original), $"{path} was changed and nobody noticed");
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_new_object_says_what_it_is_and_nothing_else(string apiVersion, string kind)
    {
        var registered = Find(apiVersion, kind);

        var created = KubernetesJson.Create(registered.Kind)!;

        Assert.Equal(registered.Kind, created.GroupVersionKind);
        Assert.Equal((apiVersion, kind), (created.ApiVersion, created.Kind));
        var written = (JsonObject)JsonNode.Parse(KubernetesJson.Serialize(created))!;
        Assert.All(written, field => Assert.True(
            field.Key is "apiVersion" or "kind" || (field.Key is "metadata" or "spec" or "status" && field.Value is JsonObject { Count: 0 })
            || field.Key == "template", field.Key));
    }

    [Fact]
    public void Every_served_kind_can_be_read_and_written()
    {
        string[] options = ["PodAttachOptions", "PodExecOptions", "PodPortForwardOptions", "PodProxyOptions", "NodeProxyOptions", "ServiceProxyOptions"];
        var kinds = ResourceTable.Served.All
            .SelectMany(resource => resource.Subresources.Select(subresource => subresource.Kind).Append(resource.Kind))
            .Where(kind => !options.Contains(kind.Kind));

        Assert.All(kinds, kind => Assert.NotNull(KubernetesJson.Create(kind)));
        Assert.All(kinds, kind => Assert.NotNull(SchemaSet.Kubernetes.FindForKind(kind)));
    }

    [Fact]
    public void What_everyone_writes_to_is_never_null()
    {
        var deployment = new Deployment();

        deployment.Spec.Template.Spec.NodeName = "n1";
        deployment.Spec.Template.Metadata.Labels = new() { ["app"] = "web" };
        deployment.Status.Replicas = 1;

        Assert.Equal("""
            {"kind":"Deployment","apiVersion":"apps/v1","metadata":{},"spec":{"template":{"metadata":{"labels":{"app":"web"}},"spec":{"nodeName":"n1"}}},"status":{"replicas":1}}
            """.Trim(), Text(deployment));
    }

    [Fact]
    public void Maps_are_written_in_the_order_of_their_keys_and_empty_ones_not_at_all()
    {
        var pod = new Pod();
        pod.Metadata.Labels = new() { ["b"] = "1", ["B"] = "2", ["a"] = "3", ["á"] = "4" };
        pod.Metadata.Annotations = [];
        pod.Spec.Containers = [];

        Assert.Equal("""
            {"kind":"Pod","apiVersion":"v1","metadata":{"labels":{"B":"2","a":"3","b":"1","á":"4"}},"spec":{"containers":[]},"status":{}}
            """.Trim(), Text(pod));
    }

    [Fact]
    public void Absent_and_empty_are_equal_but_an_empty_text_is_a_text()
    {
        var absent = new Pod();
        var empty = new Pod();
        empty.Metadata.Labels = [];
        empty.Spec.Tolerations = [];

        Assert.True(absent.DeepEquals(empty));
        empty.Spec.NodeName = "";
        Assert.False(absent.DeepEquals(empty));
    }

    [Fact]
    public void Quantities_are_compared_by_amount()
    {
        var one = new ResourceRequirements { Limits = new() { ["cpu"] = Quantity.Parse("1") } };
        var thousand = new ResourceRequirements { Limits = new() { ["cpu"] = Quantity.Parse("1000m") } };

        Assert.True(one.DeepEquals(thousand));
    }

    [Fact]
    public void A_copy_shares_nothing_that_can_be_changed()
    {
        var secret = new Secret { Data = new() { ["key"] = [1, 2] } };
        secret.Metadata.Labels = new() { ["a"] = "1" };
        secret.Metadata.OwnerReferences = [new OwnerReference { Name = "owner" }];

        var copy = secret.DeepClone();
        copy.Data!["key"][0] = 9;
        copy.Metadata.Labels!["a"] = "2";
        copy.Metadata.OwnerReferences![0].Name = "another";

        Assert.Equal(1, secret.Data["key"][0]);
        Assert.Equal("1", secret.Labels["a"]);
        Assert.Equal("owner", secret.Metadata.OwnerReferences[0].Name);
    }

    [Fact]
    public void A_list_holds_its_items_without_their_kinds_when_they_had_none()
    {
        var list = KubernetesJson.Deserialize<PodList>("""
            {"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]}
            """u8);

        Assert.Equal("7", list.Metadata.ResourceVersion);
        Assert.Null(Assert.Single(list.Items).Kind);
        Assert.Equal("""
            {"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"},"spec":{},"status":{}}]}
            """.Trim(), Text(list));
        Assert.Equal("""{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}""", Text(new PodList()));
    }

    [Fact]
    public void The_questions_that_everybody_asks_have_answers_for_an_empty_object_too()
    {
        IKubernetesObject pod = new Pod();

        Assert.Equal(("", "", "", ""), (pod.Name, pod.Namespace, pod.Uid, pod.ResourceVersion));
        Assert.Empty(pod.Labels);
        Assert.Empty(pod.Annotations);
        Assert.False(pod.IsBeingDeleted);
        Assert.Null(pod.ControllerOwner);
    }

    [Fact]
    public void The_controlling_owner_is_told_from_the_others()
    {
        var pod = new Pod();
        pod.Metadata.Namespace = "ns";
        pod.Metadata.Name = "web-1";
        pod.Metadata.DeletionTimestamp = DateTimeOffset.UnixEpoch;
        pod.Metadata.OwnerReferences = [new() { Name = "config" }, new() { Name = "set", Controller = true }];

        Assert.Equal("set", pod.ControllerOwner?.Name);
        Assert.True(pod.IsBeingDeleted);
        Assert.Equal(new NamespacedName("ns", "web-1"), pod.Key);
    }

    private static RegisteredKind Find(string apiVersion, string kind) => KindRegistry.Find(GroupVersionKind.Parse(apiVersion, kind))!;

    private static byte[] Utf8(JsonNode document) => Encoding.UTF8.GetBytes(document.ToJsonString());

    private static string Text(IKubernetesValue value) => Encoding.UTF8.GetString(KubernetesJson.Serialize(value));

    /// <summary>Changes each leaf in turn, and puts it back before the next.</summary>
    private static IEnumerable<string> ChangeOneByOne(JsonNode node)
    {
        foreach (var (name, child) in Children(node))
        {
            if (child is JsonValue value)
            {
                Replace(node, name, Another(value));
                yield return value.GetPath();
                Replace(node, name, value);
            }
            else
            {
                foreach (string path in ChangeOneByOne(child))
                    yield return path;
            }
        }
    }

    private static List<(object Name, JsonNode Child)> Children(JsonNode node) => node is JsonArray array
        ? [.. array.Select((child, index) => ((object)index, child!))]
        : [.. ((JsonObject)node).Select(member => ((object)member.Key, member.Value!))];

    private static void Replace(JsonNode parent, object name, JsonNode child)
    {
        if (name is int index)
            parent[index] = child;
        else
            parent[(string)name] = child;
    }

    private static JsonNode Another(JsonValue value) => value.GetValueKind() switch
    {
        JsonValueKind.String => AnotherText(value.GetValue<string>()),
        JsonValueKind.True => false,
        _ => JsonNode.Parse(value.ToJsonString()[..^1] + (value.ToJsonString()[^1] == '5' ? "4" : "5"))!,
    };

    /// <summary>Times, quantities, base64 and percentages must stay what they are.</summary>
    private static string AnotherText(string text) => text switch
    {
        _ when text.StartsWith("2026-", StringComparison.Ordinal) => "2025-" + text[5..],
        _ when text.EndsWith("Mi", StringComparison.Ordinal) => "1" + text,
        _ when text.EndsWith("==", StringComparison.Ordinal) => "AQID",
        _ => text + "%",
    };
}
