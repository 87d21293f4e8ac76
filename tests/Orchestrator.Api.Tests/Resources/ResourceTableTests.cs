namespace Orchestrator.Api.Tests.Resources;

public sealed class ResourceTableTests
{
    [Theory]
    [InlineData("", "v1", "nodes", "/registry/minions/")]
    [InlineData("", "v1", "services", "/registry/services/specs/")]
    [InlineData("", "v1", "endpoints", "/registry/services/endpoints/")]
    [InlineData("", "v1", "replicationcontrollers", "/registry/controllers/")]
    [InlineData("networking.k8s.io", "v1", "ingresses", "/registry/ingress/")]
    [InlineData("", "v1", "events", "/registry/events/")]
    [InlineData("events.k8s.io", "v1", "events", "/registry/events/")]
    [InlineData("apps", "v1", "deployments", "/registry/deployments/")]
    [InlineData("autoscaling", "v1", "horizontalpodautoscalers", "/registry/horizontalpodautoscalers/")]
    [InlineData("authentication.k8s.io", "v1", "tokenreviews", null)]
    [InlineData("metrics.k8s.io", "v1beta1", "pods", null)]
    public void Objects_are_stored_where_Kubernetes_stores_them(string group, string version, string plural, string? prefix) =>
        Assert.Equal(prefix, ResourceTable.Served.Find(group, version, plural)!.StoragePrefix);

    [Fact]
    public void Pods_are_described_in_full()
    {
        var pods = ResourceTable.Served.Find("", "v1", "pods")!;

        Assert.Equal(("pod", new GroupVersionKind("", "v1", "Pod"), true), (pods.Singular, pods.Kind, pods.IsNamespaced));
        Assert.Equal(["po"], pods.ShortNames);
        Assert.Equal(["all"], pods.Categories);
        Assert.Equal(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"], pods.Verbs);
        Assert.Equal(["attach", "binding", "ephemeralcontainers", "eviction", "exec", "log", "portforward", "proxy", "resize", "status"],
            pods.Subresources.Select(subresource => subresource.Name));
        Assert.Equal(new GroupVersionKind("policy", "v1", "Eviction"), pods.Subresource("eviction")!.Kind);
        Assert.Equal(["create"], pods.Subresource("eviction")!.Verbs);
        Assert.Equal(["create", "get"], pods.Subresource("exec")!.Verbs);
    }

    [Fact]
    public void A_kind_leads_to_its_resource_and_a_group_to_its_preferred_version()
    {
        Assert.Equal("deployments", ResourceTable.Served.ForKind(new GroupVersionKind("apps", "v1", "Deployment"))!.Plural);
        Assert.Equal("v2", ResourceTable.Served.Preferred("autoscaling", "horizontalpodautoscalers")!.Version);
        Assert.Null(ResourceTable.Served.Find("apps", "v1", "pods"));
    }

    [Fact]
    public void Verbs_stand_in_order_and_short_names_are_not_used_twice_in_a_group()
    {
        Assert.All(ResourceTable.Served.All, resource => Assert.Equal(resource.Verbs.Order(StringComparer.Ordinal), resource.Verbs));
        var names = ResourceTable.Served.All.SelectMany(resource => resource.ShortNames.Select(name => (resource.Group, resource.Version, name))).ToList();
        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void All_the_groups_are_there()
    {
        string[] expected =
        [
            "v1", "apps/v1", "events.k8s.io/v1", "authentication.k8s.io/v1", "authorization.k8s.io/v1", "autoscaling/v2", "autoscaling/v1",
            "batch/v1", "certificates.k8s.io/v1", "networking.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1", "storage.k8s.io/v1",
            "scheduling.k8s.io/v1", "coordination.k8s.io/v1", "node.k8s.io/v1", "discovery.k8s.io/v1",
            "flowcontrol.apiserver.k8s.io/v1", "metrics.k8s.io/v1beta1",
        ];

        Assert.Equal(expected, ResourceTable.Served.All.Select(resource => resource.ApiVersion).Distinct());
    }
}
