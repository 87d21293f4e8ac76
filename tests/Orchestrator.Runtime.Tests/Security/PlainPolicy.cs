using System.Text.Json.Nodes;

namespace Orchestrator.Runtime.Tests.Security;

/// <summary>Who may do what, worked out from the roles and bindings as any client lists them, by looking at all of them each time.
/// It shares no code with the server's authorizers.</summary>
internal sealed class PlainPolicy(JsonNode clusterRoles, JsonNode roles, JsonNode clusterRoleBindings, JsonNode roleBindings)
{
    public const string NodeLeases = "kube-node-lease";

    public static async Task<PlainPolicy> ReadAsync(SecuredServer cluster)
    {
        async Task<JsonNode> List(string plural) =>
            (await cluster.GetAsync(cluster.Admin, $"/apis/rbac.authorization.k8s.io/v1/{plural}")).Body["items"]!;

        return new PlainPolicy(await List("clusterroles"), await List("roles"), await List("clusterrolebindings"), await List("rolebindings"));
    }

    public bool Allows(Caller caller, Attempt attempt) =>
        caller.Groups.Contains("system:masters") || (caller.Node is { } node && AllowsNode(node, attempt)) || AllowsByRole(caller, attempt);

    // A node whose pods refer to nothing: its own Node, its own lease, and what all nodes may.
    private bool AllowsNode(string node, Attempt attempt)
    {
        bool isReading = attempt.Verb is "get" or "list" or "watch";
        switch ($"{attempt.Group}/{attempt.Resource}")
        {
            case "/secrets" or "/configmaps" or "/persistentvolumeclaims" or "/persistentvolumes" or "/serviceaccounts":
            case "storage.k8s.io/volumeattachments":
                return false;
            case "/nodes" when attempt.Subresource == "":
                return attempt.Verb is "create" or "update" or "patch" || (isReading && attempt.Name == node);
            case "/nodes":
                return attempt.Subresource == "status" && attempt.Verb is "update" or "patch" && attempt.Subresource == "status";
            case "/pods":
                return $"{attempt.Verb} {attempt.Subresource}" is "create " or "delete " or "update status" or "patch status" or "create eviction";
            case "coordination.k8s.io/leases":
                return attempt.Namespace == NodeLeases
                    && (attempt.Verb == "create" || (attempt.Name == node && attempt.Verb is "get" or "update" or "patch" or "delete" && attempt.Name == node));
            case "storage.k8s.io/csinodes":
                return attempt.Verb == "create" || (attempt.Name == node && attempt.Verb is "get" or "update" or "patch" or "delete" && attempt.Name == node);
            default:
                return clusterRoles.AsArray().Where(role => Text(role!["metadata"]!, "name") == "system:node").Any(role => Grants(role!, attempt));
        }
    }

    private bool AllowsByRole(Caller caller, Attempt attempt)
    {
        foreach (var binding in clusterRoleBindings.AsArray())
        {
            if (IsNamed(binding!, "", caller) && RolesOf(binding!, "").Any(role => Grants(role, attempt)))
                return true;
        }
        foreach (var binding in roleBindings.AsArray())
        {
            string ns = Text(binding!["metadata"]!, "namespace");
            if (attempt.Path.Length == 0 && ns == attempt.Namespace && IsNamed(binding!, ns, caller)
                && RolesOf(binding!, ns).Any(role => Grants(role, attempt)))
            {
                return true;
            }
        }
        return false;
    }

    private IEnumerable<JsonNode> RolesOf(JsonNode binding, string ns)
    {
        var reference = binding["roleRef"]!;
        bool isOfCluster = Text(reference, "kind") == "ClusterRole";
        return (isOfCluster ? clusterRoles : roles).AsArray().Select(role => role!)
            .Where(role => Text(role["metadata"]!, "name") == Text(reference, "name")
                && (isOfCluster || Text(role["metadata"]!, "namespace") == ns));
    }

    private static bool IsNamed(JsonNode binding, string ns, Caller caller)
    {
        foreach (var subject in binding["subjects"] as JsonArray ?? [])
        {
            string name = Text(subject!, "name");
            bool isMeant = Text(subject!, "kind") switch
            {
                "User" => caller.User == name,
                "Group" => caller.Groups.Contains(name),
                "ServiceAccount" => caller.User == $"system:serviceaccount:{(Text(subject!, "namespace") is { Length: > 0 } own ? own : ns)}:{name}",
                _ => false,
            };
            if (isMeant)
                return true;
        }
        return false;
    }

    private static bool Grants(JsonNode role, Attempt attempt) =>
        (role["rules"] as JsonArray ?? []).Any(rule => attempt.Path.Length > 0 ? GrantsPath(rule!, attempt) : GrantsResource(rule!, attempt));

    private static bool GrantsPath(JsonNode rule, Attempt attempt) =>
        Has(rule, "verbs", attempt.Verb) && Texts(rule, "nonResourceURLs").Any(url =>
            url == attempt.Path || (url.EndsWith('*') && attempt.Path.StartsWith(url[..^1], StringComparison.Ordinal)));

    private static bool GrantsResource(JsonNode rule, Attempt attempt)
    {
        string resource = attempt.Subresource.Length == 0 ? attempt.Resource : $"{attempt.Resource}/{attempt.Subresource}";
        var names = Texts(rule, "resourceNames");
        return Has(rule, "verbs", attempt.Verb) && Has(rule, "apiGroups", attempt.Group)
            && (Has(rule, "resources", resource) || (attempt.Subresource.Length > 0 && Texts(rule, "resources").Contains($"*/{attempt.Subresource}")))
            && (names.Count == 0 || names.Contains(attempt.Name));
    }

    private static bool Has(JsonNode rule, string field, string value) => Texts(rule, field) is var list && (list.Contains("*") || list.Contains(value));

    private static List<string> Texts(JsonNode node, string field) => [.. (node[field] as JsonArray ?? []).Select(item => (string)item!)];

    private static string Text(JsonNode node, string field) => (string?)node[field] ?? "";

    /// <summary>Somebody as the server should know them.</summary>
    /// <param name="Node">The node's name, for one who is a node.</param>
    public sealed record Caller(string Label, string User, string[] Groups, HttpClient Client, (string Name, string Value)[] Headers, string? Node = null)
    {
        public override string ToString() => Label;
    }

    /// <summary>One request as authorizers see it; a path alone for what is no resource.</summary>
    public sealed record Attempt(string Verb, string Group, string Version, string Resource, string Subresource, string Namespace, string Name)
    {
        public string Path { get; init; } = "";

        public bool IsNamespaced { get; init; }

        /// <summary>Where such a request goes.</summary>
        public string Url
        {
            get
            {
                if (Path.Length > 0)
                    return Path;
                string url = Group.Length == 0 ? $"/api/{Version}" : $"/apis/{Group}/{Version}";
                if (IsNamespaced && Namespace.Length > 0)
                    url += $"/namespaces/{Namespace}";
                url += $"/{Resource}";
                if (Name.Length > 0)
                    url += $"/{Name}";
                if (Subresource.Length > 0)
                    url += $"/{Subresource}";
                return url + Verb switch
                {
                    "watch" => "?watch=true&timeoutSeconds=1",
                    "get" or "list" => "",
                    _ => "?dryRun=All",
                };
            }
        }
    }
}
