using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Tests.Discovery;

public sealed class DiscoveryDocumentsTests
{
    private static readonly DiscoveryDocuments Documents = new(ResourceTable.Served);

    [Fact]
    public void The_core_group_tells_its_versions_and_where_the_server_is()
    {
        Assert.Equal("""
            {"kind":"APIVersions","serverAddressByClientCIDRs":[{"clientCIDR":"0.0.0.0/0","serverAddress":"10.0.0.1:6443"}],"versions":["v1"]}
            """.Trim(), Text(Documents.ApiVersions("10.0.0.1:6443")));
    }

    [Fact]
    public void A_group_tells_its_versions_with_the_preferred_one_first()
    {
        Assert.Equal("""
            {"kind":"APIGroup","apiVersion":"v1","name":"autoscaling","preferredVersion":{"groupVersion":"autoscaling/v2","version":"v2"},"versions":[{"groupVersion":"autoscaling/v2","version":"v2"},{"groupVersion":"autoscaling/v1","version":"v1"}]}
            """.Trim(), Text(Documents.ApiGroup("autoscaling")!));
        Assert.Null(Documents.ApiGroup("example.com"));
        Assert.Null(Documents.ApiGroup(""));
    }

    [Fact]
    public void The_list_of_groups_leaves_the_core_group_out()
    {
        var list = KubernetesJson.Deserialize<APIGroupList>(Documents.ApiGroupList.Body);

        Assert.Equal(18, list.Groups!.Count + 1);
        Assert.DoesNotContain(list.Groups, group => group.Name is null or "");
        Assert.StartsWith("""{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps",""", Text(Documents.ApiGroupList));
    }

    [Fact]
    public void A_version_lists_its_resources_and_what_is_below_them()
    {
        var list = KubernetesJson.Deserialize<APIResourceList>(Documents.ApiResourceList("", "v1")!.Body);

        Assert.Equal("v1", list.GroupVersion);
        Assert.Null(list.ApiVersion);
        var eviction = Assert.Single(list.Resources!, resource => resource.Name == "pods/eviction");
        Assert.Equal(("policy", "v1", "Eviction"), (eviction.Group, eviction.Version, eviction.Kind));
        var status = Assert.Single(list.Resources!, resource => resource.Name == "pods/status");
        Assert.Equal((null, null, "Pod"), (status.Group, status.Version, status.Kind));
        var pods = Assert.Single(list.Resources!, resource => resource.Name == "pods");
        Assert.Equal(["po"], pods.ShortNames);
        Assert.Equal("pod", pods.SingularName);
        Assert.Null(Documents.ApiResourceList("apps", "v9"));
    }

    [Theory]
    [InlineData("v2")]
    [InlineData("v2beta1")]
    public void The_aggregated_form_says_in_its_type_what_it_is(string version)
    {
        var document = Documents.AggregatedGroups(version);

        Assert.Equal($"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList", document.MediaType);
        Assert.StartsWith($$"""{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/{{version}}","metadata":{},"items":[""", Text(document));
    }

    [Fact]
    public void The_aggregated_form_describes_a_group_in_full()
    {
        var items = JsonNode.Parse(Documents.AggregatedGroups("v2").Body)!["items"]!.AsArray();
        var policy = items.Single(item => (string?)item!["metadata"]!["name"] == "policy")!;

        Assert.Equal("""
            {"metadata":{"name":"policy"},"versions":[{"version":"v1","resources":[{"resource":"poddisruptionbudgets","responseKind":{"group":"","version":"","kind":"PodDisruptionBudget"},"scope":"Namespaced","singularResource":"poddisruptionbudget","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"shortNames":["pdb"],"subresources":[{"subresource":"status","responseKind":{"group":"","version":"","kind":"PodDisruptionBudget"},"verbs":["get","patch","update"]}]}],"freshness":"Current"}]}
            """.Trim(), policy.ToJsonString());
    }

    [Fact]
    public void The_aggregated_core_group_has_no_name()
    {
        var item = Assert.Single(JsonNode.Parse(Documents.AggregatedCore("v2").Body)!["items"]!.AsArray())!;

        Assert.Equal("{}", item["metadata"]!.ToJsonString());
        Assert.Equal(ResourceTable.Served.All.Count(resource => resource.Group.Length == 0), item["versions"]![0]!["resources"]!.AsArray().Count);
    }

    [Fact]
    public void Plain_and_aggregated_discovery_agree()
    {
        var aggregated = JsonDocument.Parse(Documents.AggregatedGroups("v2").Body).RootElement.GetProperty("items").EnumerateArray()
            .SelectMany(group => group.GetProperty("versions").EnumerateArray().SelectMany(version =>
                version.GetProperty("resources").EnumerateArray().Select(resource =>
                    $"{group.GetProperty("metadata").GetProperty("name")}/{version.GetProperty("version")}/{resource.GetProperty("resource")}")));

        var plain = KubernetesJson.Deserialize<APIGroupList>(Documents.ApiGroupList.Body).Groups!
            .SelectMany(group => group.Versions!.SelectMany(version =>
                KubernetesJson.Deserialize<APIResourceList>(Documents.ApiResourceList(group.Name!, version.Version!)!.Body).Resources!
                    .Where(resource => !resource.Name!.Contains('/'))
                    .Select(resource => $"{version.GroupVersion}/{resource.Name}")));

        Assert.Equal(plain, aggregated);
    }

    private static string Text(ServedDocument document) => Encoding.UTF8.GetString(document.Body);
}
