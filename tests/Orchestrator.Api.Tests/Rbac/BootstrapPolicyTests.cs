using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Tests.Rbac;

public sealed class BootstrapPolicyTests
{
    private static List<ClusterRole> Aggregated()
    {
        var roles = BootstrapPolicy.ClusterRoles();
        foreach (var role in RoleAggregation.OutOfDate(roles))
            roles[roles.FindIndex(found => found.Name == role.Name)] = role;
        return roles;
    }

    private static bool Allows(string role, string verb, string group, string resource, string name = "") => RuleMatching.Allows(
        Aggregated().Single(found => found.Name == role).Rules!,
        new AccessRequest { User = "x", Verb = verb, Group = group, Resource = resource.Split('/')[0], Subresource = resource.Contains('/') ? resource.Split('/')[1] : "", Name = name });

    [Fact]
    public void Every_binding_refers_to_a_role_that_is_there()
    {
        var clusterRoles = BootstrapPolicy.ClusterRoles().Select(role => role.Name).ToHashSet();
        var roles = BootstrapPolicy.Roles().Select(role => role.Key).ToHashSet();

        Assert.All(BootstrapPolicy.ClusterRoleBindings(), binding => Assert.Contains(binding.RoleRef!.Name!, clusterRoles));
        Assert.All(BootstrapPolicy.RoleBindings(), binding => Assert.Contains(new NamespacedName(binding.Namespace, binding.RoleRef!.Name!), roles));
        Assert.Equal(clusterRoles.Count, BootstrapPolicy.ClusterRoles().Count);
    }

    [Fact]
    public void All_are_marked_as_kept_up_to_date()
    {
        IEnumerable<IKubernetesObject> all =
            [.. BootstrapPolicy.ClusterRoles(), .. BootstrapPolicy.ClusterRoleBindings(), .. BootstrapPolicy.Roles(), .. BootstrapPolicy.RoleBindings()];

        Assert.All(all, found => Assert.Equal("true", found.Annotations["rbac.authorization.kubernetes.io/autoupdate"]));
        Assert.All(all, found => Assert.Equal("rbac-defaults", found.Labels["kubernetes.io/bootstrapping"]));
    }

    [Theory]
    [InlineData("view", "get", "", "pods", true)]
    [InlineData("view", "get", "", "secrets", false)]
    [InlineData("view", "create", "", "pods", false)]
    [InlineData("view", "get", "", "pods/log", true)]
    [InlineData("view", "get", "rbac.authorization.k8s.io", "roles", false)]
    [InlineData("edit", "get", "", "secrets", true)]
    [InlineData("edit", "delete", "apps", "deployments", true)]
    [InlineData("edit", "get", "apps", "deployments", true)]
    [InlineData("edit", "create", "", "pods/exec", true)]
    [InlineData("edit", "create", "", "serviceaccounts/token", true)]
    [InlineData("edit", "create", "rbac.authorization.k8s.io", "rolebindings", false)]
    [InlineData("edit", "update", "", "resourcequotas", false)]
    [InlineData("edit", "create", "", "endpoints", false)]
    [InlineData("admin", "create", "rbac.authorization.k8s.io", "rolebindings", true)]
    [InlineData("admin", "get", "", "pods", true)]
    [InlineData("admin", "create", "authorization.k8s.io", "localsubjectaccessreviews", true)]
    [InlineData("admin", "update", "", "namespaces", false)]
    [InlineData("cluster-admin", "anything", "any.group", "things/sub", true)]
    [InlineData("system:kube-scheduler", "create", "", "pods/binding", true)]
    [InlineData("system:kube-scheduler", "create", "", "pods", false)]
    [InlineData("system:controller:replicaset-controller", "create", "", "pods", true)]
    [InlineData("system:controller:horizontal-pod-autoscaler", "update", "example.com", "things/scale", true)]
    [InlineData("orchestrator:controllers", "create", "", "pods", true)]
    [InlineData("orchestrator:controllers", "escalate", "rbac.authorization.k8s.io", "clusterroles", true)]
    [InlineData("orchestrator:controllers", "create", "rbac.authorization.k8s.io", "clusterrolebindings", false)]
    public void Roles_allow_what_Kubernetes_documents(string role, string verb, string group, string resource, bool isAllowed) =>
        Assert.Equal(isAllowed, Allows(role, verb, group, resource));

    [Fact]
    public void A_label_on_a_role_of_ones_own_adds_to_view_and_so_to_edit_and_admin()
    {
        var roles = Aggregated();
        roles.Add(new ClusterRole
        {
            Metadata = new ObjectMeta { Name = "crontabs", Labels = new() { ["rbac.authorization.k8s.io/aggregate-to-view"] = "true" } },
            Rules = [RbacBuilder.Rule("get", "stable.example.com", "crontabs")],
        });

        var changed = RoleAggregation.OutOfDate(roles);

        Assert.Equal(["admin", "edit", "view"], changed.Select(role => role.Name));
        Assert.All(changed, role => Assert.Contains(role.Rules!, rule => rule.Resources!.Contains("crontabs")));
    }

    [Fact]
    public void Roles_that_aggregate_each_other_settle()
    {
        ClusterRole Role(string name, string label, string selects) => new()
        {
            Metadata = new ObjectMeta { Name = name, Labels = new() { [label] = "true" } },
            AggregationRule = new AggregationRule { ClusterRoleSelectors = [new LabelSelector { MatchLabels = new() { [selects] = "true" } }] },
        };
        List<ClusterRole> roles =
        [
            Role("a", "to-b", "to-a"), Role("b", "to-a", "to-b"),
            new() { Metadata = new ObjectMeta { Name = "leaf", Labels = new() { ["to-a"] = "true" } }, Rules = [RbacBuilder.Rule("get", "", "pods")] },
        ];

        var changed = RoleAggregation.OutOfDate(roles);

        Assert.Equal(["a", "b"], changed.Select(role => role.Name));
        Assert.All(changed, role => Assert.Single(role.Rules!));
    }

    [Fact]
    public void An_aggregated_role_that_is_right_is_not_written_again() => Assert.Empty(RoleAggregation.OutOfDate(Aggregated()));

    [Fact]
    public void A_start_adds_what_is_missing_and_keeps_what_users_added()
    {
        var expected = BootstrapPolicy.ClusterRoles().Single(role => role.Name == "system:kube-dns");
        var existing = expected.DeepClone();
        existing.Rules = [RbacBuilder.Rule("list", "", "endpoints,services"), RbacBuilder.Rule("get", "", "nodes")];
        existing.Metadata.Labels!["kubernetes.io/bootstrapping"] = "mine";

        var updated = PolicyReconciliation.Reconcile(existing, expected)!;

        Assert.Empty(RuleCoverage.Uncovered(updated.Rules!, expected.Rules!));
        Assert.True(RuleMatching.Allows(updated.Rules!, new AccessRequest { User = "x", Verb = "get", Resource = "nodes" }));
        Assert.Equal("mine", updated.Labels["kubernetes.io/bootstrapping"]);
        Assert.Null(PolicyReconciliation.Reconcile(updated, expected));
    }

    [Fact]
    public void Who_turns_auto_update_off_is_left_alone()
    {
        var expected = BootstrapPolicy.ClusterRoleBindings().Single(binding => binding.Name == "system:discovery");
        var existing = expected.DeepClone();
        existing.Subjects = null;
        Assert.NotNull(PolicyReconciliation.Reconcile(existing, expected));

        existing.Metadata.Annotations!["rbac.authorization.kubernetes.io/autoupdate"] = "false";

        Assert.Null(PolicyReconciliation.Reconcile(existing, expected));
    }

    [Fact]
    public void Missing_subjects_come_back_beside_the_users()
    {
        var expected = BootstrapPolicy.ClusterRoleBindings().Single(binding => binding.Name == "system:public-info-viewer");
        var existing = expected.DeepClone();
        existing.Subjects = [RbacBuilder.User("me"), existing.Subjects![0]];

        var updated = PolicyReconciliation.Reconcile(existing, expected)!;

        Assert.Equal(["me", "system:authenticated", "system:unauthenticated"], updated.Subjects!.Select(subject => subject.Name));
    }
}
