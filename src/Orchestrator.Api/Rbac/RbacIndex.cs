using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Rbac;

/// <summary>All roles and bindings at one moment, arranged so that a request only looks at bindings that name its user or one of
/// the user's groups. Immutable: a change of any role or binding makes a new one.</summary>
public sealed class RbacIndex
{
    public static readonly RbacIndex Empty = new([], [], [], []);

    private readonly Dictionary<string, ClusterRole> _clusterRoles;
    private readonly Dictionary<(string Namespace, string Name), Role> _roles;

    // The empty namespace holds the cluster role bindings.
    private readonly Dictionary<(string Namespace, string User), List<Grant>> _byUser = [];
    private readonly Dictionary<(string Namespace, string Group), List<Grant>> _byGroup = [];

    public RbacIndex(IEnumerable<ClusterRole> clusterRoles, IEnumerable<ClusterRoleBinding> clusterRoleBindings,
        IEnumerable<Role> roles, IEnumerable<RoleBinding> roleBindings)
    {
        _clusterRoles = clusterRoles.ToDictionary(role => role.Name);
        _roles = roles.ToDictionary(role => (role.Namespace, role.Name));
        foreach (var binding in clusterRoleBindings.OrderBy(binding => binding.Name, StringComparer.Ordinal))
            Add("ClusterRoleBinding", "", binding.Name, binding.RoleRef, binding.Subjects);
        foreach (var binding in roleBindings.OrderBy(binding => binding.Name, StringComparer.Ordinal))
            Add("RoleBinding", binding.Namespace, binding.Name, binding.RoleRef, binding.Subjects);
    }

    public RbacDecision Authorize(AccessRequest request)
    {
        List<string>? errors = null;
        foreach (var grant in GrantsOf(request.User, request.Groups, request.IsResourceRequest ? request.Namespace : ""))
        {
            var rules = RulesOf(grant.Role, grant.Namespace, out string? error);
            if (error is not null)
                (errors ??= []).Add(error);
            else if (RuleMatching.Allows(rules, request))
                return new(true, $"RBAC: allowed by {grant.Describe()}");
        }
        return new(false, errors is null ? "" : $"RBAC: {Join(errors.Distinct().ToList())}");
    }

    /// <summary>All rules that <paramref name="user"/> holds in <paramref name="namespaceName"/> ("" for the whole cluster alone).</summary>
    /// <param name="errors">Roles that are bound and missing.</param>
    public List<PolicyRule> RulesFor(string user, IReadOnlyCollection<string> groups, string namespaceName, out List<string> errors)
    {
        var rules = new List<PolicyRule>();
        errors = [];
        foreach (var grant in GrantsOf(user, groups, namespaceName))
        {
            rules.AddRange(RulesOf(grant.Role, grant.Namespace, out string? error));
            if (error is not null && !errors.Contains(error))
                errors.Add(error);
        }
        return rules;
    }

    /// <summary>The rules of the role that a binding in <paramref name="namespaceName"/> refers to.</summary>
    /// <param name="error">The text for a role that is not there.</param>
    public IReadOnlyList<PolicyRule> RulesOf(RoleRef role, string namespaceName, out string? error)
    {
        error = null;
        string name = role.Name ?? "";
        switch (role.Kind)
        {
            case "ClusterRole" when _clusterRoles.TryGetValue(name, out var clusterRole):
                return clusterRole.Rules.OrEmpty();
            case "Role" when _roles.TryGetValue((namespaceName, name), out var namespaced):
                return namespaced.Rules.OrEmpty();
            case "ClusterRole":
                error = $"clusterrole.rbac.authorization.k8s.io {Quoted.Text(name)} not found";
                return [];
            case "Role":
                error = $"role.rbac.authorization.k8s.io {Quoted.Text(name)} not found";
                return [];
            default:
                error = $"unsupported role reference kind: {Quoted.Text(role.Kind ?? "")}";
                return [];
        }
    }

    private static string Join(List<string> errors) => errors.Count == 1 ? errors[0] : $"[{string.Join(", ", errors)}]";

    private IEnumerable<Grant> GrantsOf(string user, IReadOnlyCollection<string> groups, string namespaceName)
    {
        foreach (var grant in GrantsIn("", user, groups))
            yield return grant;
        if (namespaceName.Length == 0)
            yield break;
        foreach (var grant in GrantsIn(namespaceName, user, groups))
            yield return grant;
    }

    private IEnumerable<Grant> GrantsIn(string scope, string user, IReadOnlyCollection<string> groups)
    {
        if (_byUser.TryGetValue((scope, user), out var own))
        {
            foreach (var grant in own)
                yield return grant;
        }
        foreach (string group in groups)
        {
            if (!_byGroup.TryGetValue((scope, group), out var shared))
                continue;
            foreach (var grant in shared)
                yield return grant;
        }
    }

    private void Add(string kind, string namespaceName, string name, RoleRef? role, List<Subject>? subjects)
    {
        if (role is null)
            return;
        foreach (var subject in subjects.OrEmpty())
        {
            var grant = new Grant(kind, namespaceName, name, role, subject);
            switch (subject.Kind)
            {
                case "User":
                    Put(_byUser, (namespaceName, subject.Name ?? ""), grant);
                    break;
                case "Group":
                    Put(_byGroup, (namespaceName, subject.Name ?? ""), grant);
                    break;
                // A service account without a namespace is one of the binding's; a cluster role binding has none to lend.
                case "ServiceAccount" when grant.SubjectNamespace.Length > 0:
                    Put(_byUser, (namespaceName, $"system:serviceaccount:{grant.SubjectNamespace}:{subject.Name}"), grant);
                    break;
            }
        }
    }

    private static void Put(Dictionary<(string, string), List<Grant>> grants, (string, string) key, Grant grant)
    {
        if (!grants.TryGetValue(key, out var list))
            grants[key] = list = [];
        list.Add(grant);
    }

    private sealed record Grant(string Kind, string Namespace, string Name, RoleRef Role, Subject Subject)
    {
        public string SubjectNamespace => string.IsNullOrEmpty(Subject.Namespace) ? Namespace : Subject.Namespace;

        public string Describe()
        {
            string binding = Namespace.Length == 0 ? Name : $"{Name}/{Namespace}";
            string subject = Subject.Kind == "ServiceAccount" ? $"{Subject.Name}/{SubjectNamespace}" : Subject.Name ?? "";
            return $"{Kind} {Quoted.Text(binding)} of {Role.Kind} {Quoted.Text(Role.Name ?? "")} to {Subject.Kind} {Quoted.Text(subject)}";
        }
    }
}
