using Orchestrator.Api.Rbac;
using static Orchestrator.Api.Tests.Rbac.RbacBuilder;

namespace Orchestrator.Api.Tests.Rbac;

public sealed class RbacIndexTests
{
    private static AccessRequest Ask(string user, string verb, string resource, string ns = "", string name = "", string group = "") => new()
    {
        User = user,
        Verb = verb,
        Group = group,
        Resource = resource.Split('/')[0],
        Subresource = resource.Contains('/') ? resource.Split('/')[1] : "",
        Namespace = ns,
        Name = name,
    };

    [Fact]
    public void A_cluster_role_bound_in_a_namespace_counts_only_there()
    {
        var index = new RbacBuilder().ClusterRole("reader", Rule("get", "", "pods")).BindIn("a", "b", "ClusterRole", "reader", User("eve")).Build();

        Assert.True(index.Authorize(Ask("eve", "get", "pods", "a")).IsAllowed);
        Assert.False(index.Authorize(Ask("eve", "get", "pods", "b")).IsAllowed);
        Assert.False(index.Authorize(Ask("eve", "get", "pods")).IsAllowed);
    }

    [Fact]
    public void The_reason_names_binding_role_and_subject()
    {
        var index = new RbacBuilder().ClusterRole("reader", Rule("get", "", "pods"))
            .Bind("all", "reader", Group("staff"))
            .BindIn("ns", "one", "ClusterRole", "reader", Account("robot")).Build();

        Assert.Equal("RBAC: allowed by ClusterRoleBinding \"all\" of ClusterRole \"reader\" to Group \"staff\"",
            index.Authorize(Ask("eve", "get", "pods") with { Groups = ["staff"] }).Reason);
        Assert.Equal("RBAC: allowed by RoleBinding \"one/ns\" of ClusterRole \"reader\" to ServiceAccount \"robot/ns\"",
            index.Authorize(Ask("system:serviceaccount:ns:robot", "get", "pods", "ns")).Reason);
    }

    [Fact]
    public void A_bound_role_that_is_missing_is_named()
    {
        var index = new RbacBuilder().Bind("x", "gone", User("eve")).BindIn("ns", "y", "Role", "away", User("eve")).Build();

        Assert.Equal(new RbacDecision(false, "RBAC: clusterrole.rbac.authorization.k8s.io \"gone\" not found"),
            index.Authorize(Ask("eve", "get", "pods")));
        Assert.Equal("RBAC: [clusterrole.rbac.authorization.k8s.io \"gone\" not found, role.rbac.authorization.k8s.io \"away\" not found]",
            index.Authorize(Ask("eve", "get", "pods", "ns")).Reason);
    }

    [Fact]
    public void A_star_covers_subresources_and_a_subresource_of_all_covers_itself_alone()
    {
        var index = new RbacBuilder().ClusterRole("all", Rule("get", "", "*")).Bind("a", "all", User("ann"))
            .ClusterRole("scale", Rule("get", "apps", "*/scale")).Bind("b", "scale", User("bob")).Build();

        Assert.True(index.Authorize(Ask("ann", "get", "pods/log")).IsAllowed);
        Assert.True(index.Authorize(Ask("bob", "get", "deployments/scale", group: "apps")).IsAllowed);
        Assert.False(index.Authorize(Ask("bob", "get", "deployments", group: "apps")).IsAllowed);
        Assert.False(index.Authorize(Ask("bob", "get", "deployments/status", group: "apps")).IsAllowed);
    }

    [Fact]
    public void A_rule_with_names_allows_no_list_and_no_create()
    {
        var index = new RbacBuilder().ClusterRole("one", Rule("get,list,create", "", "secrets", "mine")).Bind("a", "one", User("ann")).Build();

        Assert.True(index.Authorize(Ask("ann", "get", "secrets", "ns", "mine")).IsAllowed);
        Assert.False(index.Authorize(Ask("ann", "get", "secrets", "ns", "other")).IsAllowed);
        Assert.False(index.Authorize(Ask("ann", "list", "secrets", "ns")).IsAllowed);
        Assert.False(index.Authorize(Ask("ann", "create", "secrets", "ns")).IsAllowed);
    }

    [Theory]
    [InlineData("/healthz", true)]
    [InlineData("/healthz/etcd", false)]
    [InlineData("/metrics/slis", true)]
    [InlineData("/metrics", false)]
    [InlineData("/logs/a", false)]
    public void Paths_are_compared_whole_or_by_their_beginning(string path, bool isAllowed)
    {
        var index = new RbacBuilder().ClusterRole("paths", Urls("get", "/healthz,/metrics/*")).Bind("a", "paths", User("ann")).Build();

        var decision = index.Authorize(new AccessRequest { User = "ann", Verb = "get", Path = path, IsResourceRequest = false });

        Assert.Equal(isAllowed, decision.IsAllowed);
    }

    [Fact]
    public void A_service_account_without_namespace_is_nobody_in_a_cluster_role_binding()
    {
        var index = new RbacBuilder().ClusterRole("r", Rule("get", "", "pods")).Bind("a", "r", Account("robot")).Build();

        Assert.False(index.Authorize(Ask("system:serviceaccount:ns:robot", "get", "pods", "ns")).IsAllowed);
    }

    [Theory]
    [InlineData("default", "", "User \"eve\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"")]
    [InlineData("", "", "User \"eve\" cannot list resource \"pods\" in API group \"\" at the cluster scope")]
    [InlineData("default", "log", "User \"eve\" cannot list resource \"pods/log\" in API group \"\" in the namespace \"default\"")]
    public void A_refusal_says_who_cannot_do_what_where(string ns, string subresource, string expected)
    {
        var request = new AccessRequest { User = "eve", Verb = "list", Resource = "pods", Subresource = subresource, Namespace = ns };

        Assert.Equal(expected, request.Refusal());
        Assert.Equal(expected + ": because", request.Refusal("because"));
    }

    [Fact]
    public void A_refusal_of_a_path_names_the_path()
    {
        var request = new AccessRequest { User = "system:anonymous", Verb = "get", Path = "/api", IsResourceRequest = false };

        Assert.Equal("User \"system:anonymous\" cannot get path \"/api\"", request.Refusal());
    }
}
