using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Tests.Rbac;

/// <summary>Roles and bindings in one line each.</summary>
internal sealed class RbacBuilder
{
    public List<ClusterRole> ClusterRoles { get; } = [];

    public List<ClusterRoleBinding> ClusterRoleBindings { get; } = [];

    public List<Role> Roles { get; } = [];

    public List<RoleBinding> RoleBindings { get; } = [];

    public RbacIndex Build() => new(ClusterRoles, ClusterRoleBindings, Roles, RoleBindings);

    public RbacBuilder ClusterRole(string name, params List<PolicyRule> rules)
    {
        ClusterRoles.Add(new ClusterRole { Metadata = new ObjectMeta { Name = name }, Rules = rules });
        return this;
    }

    public RbacBuilder Role(string namespaceName, string name, params List<PolicyRule> rules)
    {
        Roles.Add(new Role { Metadata = new ObjectMeta { Namespace = namespaceName, Name = name }, Rules = rules });
        return this;
    }

    public RbacBuilder Bind(string name, string clusterRole, params List<Subject> subjects)
    {
        ClusterRoleBindings.Add(new ClusterRoleBinding
        {
            Metadata = new ObjectMeta { Name = name },
            RoleRef = new RoleRef { ApiGroup = BootstrapPolicy.GroupName, Kind = "ClusterRole", Name = clusterRole },
            Subjects = subjects,
        });
        return this;
    }

    public RbacBuilder BindIn(string namespaceName, string name, string kind, string role, params List<Subject> subjects)
    {
        RoleBindings.Add(new RoleBinding
        {
            Metadata = new ObjectMeta { Namespace = namespaceName, Name = name },
            RoleRef = new RoleRef { ApiGroup = BootstrapPolicy.GroupName, Kind = kind, Name = role },
            Subjects = subjects,
        });
        return this;
    }

    /// <summary>"get,list" "" "pods,pods/log" and, if need be, names.</summary>
    public static PolicyRule Rule(string verbs, string groups, string resources, string? names = null) => new()
    {
        Verbs = [.. verbs.Split(',')],
        ApiGroups = [.. groups.Split(',')],
        Resources = [.. resources.Split(',')],
        ResourceNames = names is null ? null : [.. names.Split(',')],
    };

    public static PolicyRule Urls(string verbs, string urls) => new() { Verbs = [.. verbs.Split(',')], NonResourceURLs = [.. urls.Split(',')] };

    public static Subject User(string name) => new() { Kind = "User", ApiGroup = BootstrapPolicy.GroupName, Name = name };

    public static Subject Group(string name) => new() { Kind = "Group", ApiGroup = BootstrapPolicy.GroupName, Name = name };

    public static Subject Account(string name, string? namespaceName = null) => new() { Kind = "ServiceAccount", Name = name, Namespace = namespaceName };
}
