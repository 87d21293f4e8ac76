using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;
using Orchestrator.Control.ClusterRoles;

namespace Orchestrator.Control.Tests.ClusterRoles;

public sealed class ClusterRoleAggregationControllerTests
{
    /// <summary>Both the bootstrap of each start and this controller keep such roles: they must agree.</summary>
    [Fact]
    public void Rules_are_in_the_order_of_the_selectors()
    {
        static ClusterRole Part(string name) => new()
        {
            Metadata = new ObjectMeta { Name = name, Labels = new() { ["part"] = name } },
            Rules = [new PolicyRule { ApiGroups = [""], Resources = [name], Verbs = ["get"] }],
        };
        static LabelSelector Of(string name) => new() { MatchLabels = new() { ["part"] = name } };
        var cluster = new FakeCluster().With(Part("a"), Part("b"), new ClusterRole
        {
            Metadata = new ObjectMeta { Name = "whole" },
            AggregationRule = new AggregationRule { ClusterRoleSelectors = [Of("b"), Of("a")] },
        });

        cluster.Settle(ClusterRoleAggregationController.Description, new NamespacedName("", "whole"));

        Assert.Equal(["b", "a"], cluster.Get<ClusterRole>("", "whole")!.Rules!.Select(rule => rule.Resources![0]));
        Assert.Empty(RoleAggregation.OutOfDate(cluster.List<ClusterRole>()));
    }

    [Fact]
    public void A_role_made_of_others_has_their_rules_each_once()
    {
        static PolicyRule Rule(string resource) => new() { ApiGroups = [""], Resources = [resource], Verbs = ["get"] };
        static ClusterRole Role(string name, bool isPart, params PolicyRule[] rules) => new()
        {
            Metadata = new ObjectMeta { Name = name, Labels = isPart ? new() { ["to"] = "admin" } : null },
            Rules = [.. rules],
        };
        var admin = Role("admin", false, Rule("old"));
        admin.AggregationRule = new AggregationRule
        {
            ClusterRoleSelectors = [new LabelSelector { MatchLabels = new() { ["to"] = "admin" } }],
        };
        var cluster = new FakeCluster().With(admin, Role("b", true, Rule("pods"), Rule("services")),
            Role("a", true, Rule("pods")), Role("c", false, Rule("secrets")));

        cluster.Settle(ClusterRoleAggregationController.Description, new NamespacedName("", "admin"));

        Assert.Equal(["pods", "services"], cluster.Get<ClusterRole>("", "admin")!.Rules!.Select(rule => rule.Resources![0]));
    }
}
