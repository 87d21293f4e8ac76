using Orchestrator.Api.Rbac;
using static Orchestrator.Api.Tests.Rbac.RbacBuilder;

namespace Orchestrator.Api.Tests.Rbac;

public sealed class EscalationTests
{
    private static readonly RbacIndex Index = new RbacBuilder()
        .ClusterRole("pods", Rule("get,list", "", "pods,pods/log"), Rule("*", "apps", "*/scale"), Urls("get", "/api/*"))
        .Bind("b", "pods", User("ann")).Build();

    private static string? Refusal(params List<Orchestrator.Api.RbacV1.PolicyRule> rules) =>
        Escalation.Refusal(Index, "ann", ["staff", "system:authenticated"], "default", rules);

    [Fact]
    public void Who_holds_it_may_give_it()
    {
        Assert.Null(Refusal(Rule("get", "", "pods"), Rule("list", "", "pods/log", "one"), Rule("patch", "apps", "deployments/scale"), Urls("get", "/api/v1")));
    }

    [Fact]
    public void What_is_missing_is_told_one_line_a_resource()
    {
        string? refusal = Refusal(Rule("get,delete,list,watch", "", "pods"), Rule("get", "", "secrets", "one"), Urls("get", "/metrics"));

        Assert.Equal("""
            user "ann" (groups=["staff" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:
            {APIGroups:[""], Resources:["pods"], Verbs:["delete" "watch"]}
            {APIGroups:[""], Resources:["secrets"], ResourceNames:["one"], Verbs:["get"]}
            {NonResourceURLs:["/metrics"], Verbs:["get"]}
            """, refusal);
    }

    [Fact]
    public void Rules_for_some_names_do_not_cover_all_names()
    {
        var index = new RbacBuilder().ClusterRole("one", Rule("get", "", "secrets", "a,b")).Bind("b", "one", User("ann")).Build();

        Assert.Null(Escalation.Refusal(index, "ann", [], "", [Rule("get", "", "secrets", "b")]));
        Assert.NotNull(Escalation.Refusal(index, "ann", [], "", [Rule("get", "", "secrets")]));
        Assert.NotNull(Escalation.Refusal(index, "ann", [], "", [Rule("get", "", "secrets", "b,c")]));
    }

    [Fact]
    public void Missing_roles_are_told_too()
    {
        var index = new RbacBuilder().Bind("b", "gone", User("ann")).Build();

        Assert.EndsWith("; resolution errors: [clusterrole.rbac.authorization.k8s.io \"gone\" not found]",
            Escalation.Refusal(index, "ann", [], "", [Rule("get", "", "pods")]));
    }

    [Fact]
    public void Only_who_holds_everything_has_full_authority()
    {
        var index = new RbacBuilder().ClusterRole("cluster-admin", Rule("*", "*", "*"), Urls("*", "*")).ClusterRole("almost", Rule("*", "*", "*"))
            .Bind("a", "cluster-admin", User("root")).Bind("b", "almost", User("ann")).Build();

        Assert.Null(Escalation.Refusal(index, "root", [], "", Escalation.FullAuthority));
        Assert.NotNull(Escalation.Refusal(index, "ann", [], "", Escalation.FullAuthority));
    }
}
