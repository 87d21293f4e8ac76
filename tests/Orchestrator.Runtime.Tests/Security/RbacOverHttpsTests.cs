using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using KvStore.Testing;
using Orchestrator.Api;
using Xunit.Abstractions;
using static Orchestrator.Runtime.Tests.Security.PlainPolicy;

namespace Orchestrator.Runtime.Tests.Security;

/// <summary>Verbs x served resources x identities as requests over TLS to a running server, against an oracle of plain text.</summary>
public sealed class RbacOverHttpsTests(SecuredServer cluster, ITestOutputHelper output) : IClassFixture<SecuredServer>
{
    private const string Ours = "matrix-ours", Other = "matrix-other", Name = "thing", NodeName = "matrix-node";

    private const int SideBySide = 24;

    private static readonly string[] Verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

    private static readonly string[] SubresourceVerbs = ["get", "create", "update", "patch", "delete"];

    private static readonly string[] Paths =
    [
        "/", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz", "/livez", "/readyz", "/metrics", "/version", "/openapi/v2",
        "/openapi/v3", "/openid/v1/jwks", "/.well-known/openid-configuration", "/logs", "/nothing",
    ];

    [Fact]
    public async Task Every_verb_on_every_served_resource_is_answered_to_every_identity_as_roles_and_bindings_say()
    {
        var callers = await PrepareAsync();
        var policy = await PlainPolicy.ReadAsync(cluster);
        // All but the long lane ask some of them, of each resource and each identity.
        int stride = Lanes.Pick(11, 3, 1);
        var attempts = callers.SelectMany(caller => Attempts().Select(attempt => (caller, attempt))).Where((_, i) => i % stride == 0).ToList();
        int allowed = 0;
        var differences = new List<string>();

        await Parallel.ForEachAsync(attempts, new ParallelOptions { MaxDegreeOfParallelism = SideBySide }, async (pair, cancellation) =>
        {
            bool expected = policy.Allows(pair.caller, pair.attempt);
            string? difference = await TryAsync(pair.caller, pair.attempt, expected, cancellation);
            lock (differences)
            {
                allowed += expected ? 1 : 0;
                if (difference is not null)
                    differences.Add(difference);
            }
        });

        output.WriteLine($"{attempts.Count} requests, {allowed} of them allowed");
        Assert.True(differences.Count == 0, $"{differences.Count} differ:\n{string.Join('\n', differences.Order().Take(40))}");
        Assert.InRange(allowed, attempts.Count / 10, attempts.Count * 3 / 4);
    }

    [Fact]
    public async Task What_can_i_says_is_what_happens()
    {
        var callers = await PrepareAsync();
        var policy = await PlainPolicy.ReadAsync(cluster);
        int stride = Lanes.Pick(29, 9, 1);
        var attempts = callers.SelectMany(caller => Attempts().Select(attempt => (caller, attempt))).Where((_, i) => i % stride == 0).ToList();
        var differences = new List<string>();

        await Parallel.ForEachAsync(attempts, new ParallelOptions { MaxDegreeOfParallelism = SideBySide }, async (pair, _) =>
        {
            bool expected = policy.Allows(pair.caller, pair.attempt);
            var (code, said) = await AskAsync(pair.caller, pair.attempt);
            bool mayAsk = pair.caller.User != "system:anonymous";
            if (mayAsk ? said != expected : code != 403)
            {
                lock (differences)
                    differences.Add($"{pair.caller} {pair.attempt}: {code} {said}, in truth {expected}");
            }
        });

        output.WriteLine($"{attempts.Count} questions");
        Assert.True(differences.Count == 0, $"{differences.Count} differ:\n{string.Join('\n', differences.Order().Take(40))}");
    }

    private async Task<string?> TryAsync(Caller caller, Attempt attempt, bool expected, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(MethodOf(attempt), attempt.Url);
        foreach (var (name, value) in caller.Headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (request.Method == HttpMethod.Post || request.Method == HttpMethod.Put || request.Method == HttpMethod.Patch)
        {
            request.Content = new ByteArrayContent("{}"u8.ToArray());
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(
                request.Method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json");
        }
        // Of a watch the beginning tells.
        using var response = await caller.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        string message = "";
        if (response.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized)
            message = (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellation))!["message"] ?? "";
        // Admission refuses by 403 too, but in other words.
        bool isForbidden = message.Contains($"User \"{caller.User}\" cannot {attempt.Verb} ", StringComparison.Ordinal);
        bool isFailure = (int)response.StatusCode is 401 or >= 500 and not 501 and not 503;
        return isForbidden != expected && !isFailure ? null : $"{caller} {attempt.Verb} {attempt.Url}: {(int)response.StatusCode} {message}, expected {(expected ? "yes" : "no")}";
    }

    private static HttpMethod MethodOf(Attempt attempt) => attempt.Path.Length > 0 ? new HttpMethod(attempt.Verb.ToUpperInvariant()) : attempt.Verb switch
    {
        "create" => HttpMethod.Post,
        "update" => HttpMethod.Put,
        "patch" => HttpMethod.Patch,
        "delete" or "deletecollection" => HttpMethod.Delete,
        _ => HttpMethod.Get,
    };

    private static async Task<(int Code, bool Allowed)> AskAsync(Caller caller, Attempt attempt)
    {
        var spec = attempt.Path.Length > 0
            ? new JsonObject { ["nonResourceAttributes"] = new JsonObject { ["verb"] = attempt.Verb, ["path"] = attempt.Path } }
            : new JsonObject
            {
                ["resourceAttributes"] = new JsonObject
                {
                    ["verb"] = attempt.Verb, ["group"] = attempt.Group, ["version"] = attempt.Version, ["resource"] = attempt.Resource,
                    ["subresource"] = attempt.Subresource, ["namespace"] = attempt.Namespace, ["name"] = attempt.Name,
                },
            };
        var (code, body) = await SecuredServer.SendAsync(
            caller.Client, HttpMethod.Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            new JsonObject { ["spec"] = spec }.ToJsonString(), "application/json", caller.Headers);
        return (code, (bool?)(body["status"] as JsonObject)?["allowed"] == true);
    }

    private static IEnumerable<Attempt> Attempts()
    {
        foreach (string path in Paths)
        {
            foreach (string verb in (string[])["get", "post"])
                yield return new Attempt(verb, "", "", "", "", "", "") { Path = path };
        }
        foreach (var resource in ResourceTable.Served.All)
        {
            foreach (string ns in NamespacesOf(resource))
            {
                foreach (string verb in Verbs)
                    yield return Of(resource, verb, "", ns, verb is "get" or "update" or "patch" or "delete" ? NameOf(resource, ns) : "");
                foreach (string verb in resource.Subresources.Count == 0 ? [] : SubresourceVerbs)
                {
                    // Of a namespace below a name there are these two alone; all other paths there are resources in it.
                    foreach (var sub in resource.Subresources.Where(_ => !resource.IsNamespaced || ns.Length > 0))
                        yield return Of(resource, verb, sub.Name, ns, NameOf(resource, ns));
                }
            }
        }
    }

    // A list of all namespaces is a request without one; single things are in one.
    private static string[] NamespacesOf(ResourceDescription resource) => resource switch
    {
        { IsNamespaced: true, Plural: "leases" } => [Ours, Other, NodeLeases],
        { IsNamespaced: true } => [Ours, Other, ""],
        { Plural: "namespaces" } => [Ours, Other],
        _ => [""],
    };

    private static Attempt Of(ResourceDescription resource, string verb, string subresource, string ns, string name)
    {
        // What is in a namespace can be got, changed or made there only.
        if (resource.IsNamespaced && ns.Length == 0 && verb is not ("list" or "watch" or "deletecollection"))
            ns = Ours;
        // A namespace's requests are about itself.
        if (resource.Plural == "namespaces" && name.Length == 0)
            ns = "";
        return new Attempt(verb, resource.Group, resource.Version, resource.Plural, subresource, ns, name) { IsNamespaced = resource.IsNamespaced };
    }

    private static string NameOf(ResourceDescription resource, string ns) => resource switch
    {
        { Plural: "namespaces" } => ns,
        { Plural: "nodes" or "csinodes" } or { Plural: "leases" } => NodeName,
        _ => Name,
    };

    private async Task<List<Caller>> PrepareAsync()
    {
        foreach (string ns in (string[])[Ours, Other, NodeLeases])
            await MakeAsync("/api/v1/namespaces", new JsonObject { ["metadata"] = new JsonObject { ["name"] = ns } });
        await MakeAsync($"/api/v1/namespaces/{Ours}/serviceaccounts", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "robot" } });
        foreach (string role in (string[])["view", "edit", "admin"])
        {
            await BindAsync(Ours, role, $"{role}-of-one");
            await BindAsync("", role, $"{role}-of-all");
        }
        await BindAsync("", "cluster-admin", "boss");
        await MakeRoleAsync(Ours, "one-name", """[{"verbs":["*"],"apiGroups":["*"],"resources":["*"],"resourceNames":["thing"]}]""");
        await MakeRoleAsync(Ours, "parts", """[{"verbs":["get","patch"],"apiGroups":["apps",""],"resources":["*/scale","pods/log","*/status"]},{"verbs":["list"],"apiGroups":["*"],"resources":["*"]}]""");
        await MakeRoleAsync("", "paths", """[{"verbs":["get"],"nonResourceURLs":["/metrics","/apis/*"]},{"verbs":["watch","delete"],"apiGroups":["","batch"],"resources":["secrets","jobs","namespaces"]}]""");
        await BindAsync(Ours, "one-name", "one-name", "Role");
        await BindAsync(Ours, "parts", "parts", "Role");
        await BindAsync("", "paths", "paths");
        await BindAsync(Ours, "edit", "robots", subject: """{"kind":"ServiceAccount","name":"robot","namespace":"matrix-ours"}""");
        await BindAsync("", "view", "group", subject: """{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"readers"}""");
        var callers = await CallersAsync();
        await SeenAsync(callers);
        return callers;
    }

    private async Task<List<Caller>> CallersAsync()
    {
        const string all = "system:authenticated";
        string token = (string)(await cluster.PostAsync(cluster.Admin, $"/api/v1/namespaces/{Ours}/serviceaccounts/robot/token", "{}")).Body["status"]!["token"]!;
        var callers = new List<Caller>
        {
            new("nobody", "system:anonymous", ["system:unauthenticated"], cluster.Client(null), []),
            new("a service account", $"system:serviceaccount:{Ours}:robot",
                ["system:serviceaccounts", $"system:serviceaccounts:{Ours}", all], cluster.Client(null, token), []),
            new("a node", $"system:node:{NodeName}", ["system:nodes", all], cluster.ClientOf($"system:node:{NodeName}", "system:nodes"), [], NodeName),
            new("a user named as a node", $"system:node:{NodeName}", [all], cluster.ClientOf($"system:node:{NodeName}"), []),
            new("a reader by group", "rita", ["readers", all], cluster.ClientOf("rita", "readers"), []),
            new("a master", "max", ["system:masters", all], cluster.ClientOf("max", "system:masters"), []),
            // Who acts for another has the other's rights, and none of their own.
            new("an impersonated viewer", "view-of-one", [all], cluster.Admin, [("Impersonate-User", "view-of-one")]),
            new("an impersonated group", "ghost", ["readers", all], cluster.Admin, [("Impersonate-User", "ghost"), ("Impersonate-Group", "readers")]),
        };
        string[] users = ["plain", "view-of-one", "edit-of-one", "admin-of-one", "view-of-all", "edit-of-all", "admin-of-all", "boss", "one-name", "parts", "paths",
            "system:kube-scheduler", "system:kube-controller-manager", "system:kube-proxy"];
        callers.AddRange(users.Select(user => new Caller(user, user, [all], cluster.ClientOf(user), [])));
        return callers;
    }

    // The index of bindings is a moment behind: the last one made is waited for.
    private async Task SeenAsync(List<Caller> callers)
    {
        var last = callers.Find(caller => caller.Label == "a reader by group")!;
        var (code, _) = await SecuredServer.UntilAsync(() => cluster.GetAsync(last.Client, "/api/v1/pods"), answer => answer.Code == 200);
        Assert.Equal(200, code);
    }

    private async Task MakeAsync(string path, JsonObject body)
    {
        var (code, answer) = await cluster.PostAsync(cluster.Admin, path, body.ToJsonString());
        Assert.True(code is 201 or 409, answer.ToJsonString());
    }

    private Task MakeRoleAsync(string ns, string name, string rules) => MakeAsync(
        Under(ns, ns.Length == 0 ? "clusterroles" : "roles"),
        new JsonObject { ["metadata"] = new JsonObject { ["name"] = name }, ["rules"] = JsonNode.Parse(rules) });

    private Task BindAsync(string ns, string role, string user, string kind = "ClusterRole", string? subject = null) => MakeAsync(
        Under(ns, ns.Length == 0 ? "clusterrolebindings" : "rolebindings"),
        new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = $"matrix-{role}-{user}" },
            ["roleRef"] = new JsonObject { ["apiGroup"] = "rbac.authorization.k8s.io", ["kind"] = kind, ["name"] = role },
            ["subjects"] = new JsonArray(JsonNode.Parse(subject ?? $$"""{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"{{user}}"}""")),
        });

    private static string Under(string ns, string plural) =>
        $"/apis/rbac.authorization.k8s.io/v1/{(ns.Length == 0 ? "" : $"namespaces/{ns}/")}{plural}";
}
