using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;
using Xunit.Abstractions;
using static Orchestrator.Api.Tests.Rbac.RbacBuilder;

namespace Orchestrator.Api.Tests.Rbac;

/// <summary>Verbs x resources x identities, against an oracle that shares no code with what it judges.</summary>
public sealed class RbacMatrixTests(ITestOutputHelper output)
{
    private static readonly string[] Verbs =
        ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "bind", "escalate", "approve", "proxy"];

    private static readonly string[] Namespaces = ["", "default", "kube-system"];

    private static readonly (string User, string[] Groups)[] Identities =
    [
        ("kubernetes-admin", ["system:masters", "system:authenticated"]),
        ("system:anonymous", ["system:unauthenticated"]),
        ("nobody", ["system:authenticated"]),
        ("system:kube-scheduler", ["system:authenticated"]),
        ("system:kube-controller-manager", ["system:authenticated"]),
        ("system:kube-proxy", ["system:authenticated"]),
        ("system:node:one", ["system:nodes", "system:authenticated"]),
        ("system:serviceaccount:kube-system:job-controller", ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"]),
        ("system:serviceaccount:default:default", ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]),
        ("viewer", ["system:authenticated"]),
        ("editor", ["system:authenticated"]),
        ("owner", ["system:authenticated"]),
    ];

    [Fact]
    public void Every_verb_on_every_served_resource_is_decided_for_every_identity_as_the_oracle_decides()
    {
        var policy = Bootstrapped();
        var index = policy.Build();
        int asked = 0, allowed = 0;

        foreach (var request in AllRequests())
        {
            bool expected = RbacOracle.Allows(policy, request);
            Assert.True(expected == index.Authorize(request).IsAllowed, $"{request}: the oracle says {expected}");
            asked++;
            allowed += expected ? 1 : 0;
        }

        output.WriteLine($"{asked} requests, {allowed} of them allowed");
        Assert.True(asked > 10_000 && allowed > 1000 && allowed < asked / 2);
    }

    [Fact]
    public void Random_policies_decide_as_the_oracle_does()
    {
        const int seeds = 300;
        int asked = 0;
        for (int seed = 0; seed < seeds; seed++)
        {
            var random = new Random(seed);
            var policy = RandomPolicy(random);
            var index = policy.Build();
            for (int i = 0; i < 200; i++)
            {
                var request = RandomRequest(random);
                bool expected = RbacOracle.Allows(policy, request);
                Assert.True(expected == index.Authorize(request).IsAllowed, $"seed {seed}: {request}: the oracle says {expected}");
                asked++;
            }
        }
        output.WriteLine($"{seeds} seeds, {asked} requests");
    }

    [Fact]
    public void What_is_not_covered_is_what_some_request_shows()
    {
        // If all of a rule is covered, no request that the rule allows may be refused by those who hold the covering rules.
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            List<PolicyRule> held = [RandomRule(random), RandomRule(random), RandomRule(random)];
            var wanted = RandomRule(random);
            bool isCovered = RuleCoverage.Uncovered(held, [wanted]).Count == 0;
            for (int i = 0; i < 200 && isCovered; i++)
            {
                var request = RandomRequest(random);
                Assert.True(!RuleMatching.Allows(wanted, request) || RuleMatching.Allows(held, request), $"seed {seed}: {request}");
            }
        }
    }

    private static RbacBuilder Bootstrapped()
    {
        var policy = new RbacBuilder();
        policy.ClusterRoles.AddRange(BootstrapPolicy.ClusterRoles());
        foreach (var role in RoleAggregation.OutOfDate(policy.ClusterRoles))
            policy.ClusterRoles[policy.ClusterRoles.FindIndex(found => found.Name == role.Name)] = role;
        policy.ClusterRoleBindings.AddRange(BootstrapPolicy.ClusterRoleBindings());
        policy.Roles.AddRange(BootstrapPolicy.Roles());
        policy.RoleBindings.AddRange(BootstrapPolicy.RoleBindings());
        policy.BindIn("default", "viewer", "ClusterRole", "view", User("viewer"));
        policy.BindIn("default", "editor", "ClusterRole", "edit", User("editor"));
        policy.BindIn("default", "owner", "ClusterRole", "admin", User("owner"));
        return policy;
    }

    private static IEnumerable<AccessRequest> AllRequests()
    {
        var resources = ResourceTable.Served.All.SelectMany(found => found.Subresources.Select(sub => (found.Group, found.Plural, Sub: sub.Name)).Prepend((found.Group, found.Plural, Sub: "")))
            .Append(("certificates.k8s.io", "signers", "")).Distinct().ToList();
        foreach (var (user, groups) in Identities)
        {
            foreach (string verb in Verbs)
            {
                foreach (string path in new[] { "/", "/api", "/api/v1", "/apis/apps/v1", "/healthz", "/healthz/etcd", "/metrics", "/version", "/openapi/v3", "/openid/v1/jwks", "/logs" })
                    yield return new AccessRequest { User = user, Groups = groups, Verb = verb, Path = path, IsResourceRequest = false };
                foreach (var (group, resource, subresource) in resources)
                {
                    foreach (string ns in Namespaces)
                    {
                        foreach (string name in new[] { "", "kube-scheduler", "kubernetes.io/kubelet-serving" })
                            yield return new AccessRequest { User = user, Groups = groups, Verb = verb, Group = group, Resource = resource, Subresource = subresource, Namespace = ns, Name = name };
                    }
                }
            }
        }
    }

    private static readonly string[] SomeVerbs = ["get", "list", "create", "*"];
    private static readonly string[] SomeGroups = ["", "apps", "*"];
    private static readonly string[] SomeResources = ["pods", "pods/log", "deployments", "deployments/scale", "*/scale", "*"];
    private static readonly string[] SomeNames = ["a", "b"];
    private static readonly string[] SomeUrls = ["/api", "/api/*", "/api*", "*", "/healthz"];
    private static readonly string[] SomeNamespaces = ["one", "two"];
    private static readonly string[] SomeUsers = ["ann", "bob", "system:serviceaccount:one:robot", "system:serviceaccount:two:robot"];
    private static readonly string[] SomeGroupsOfUsers = ["staff", "guests"];

    private static RbacBuilder RandomPolicy(Random random)
    {
        var policy = new RbacBuilder();
        foreach (string name in new[] { "r1", "r2", "r3" })
            policy.ClusterRole(name, RandomRule(random), RandomRule(random));
        foreach (string ns in SomeNamespaces)
            policy.Role(ns, "r1", RandomRule(random));
        for (int i = 0; i < 3; i++)
            policy.Bind($"b{i}", Pick(random, "r1", "r2", "r3", "gone"), RandomSubject(random));
        for (int i = 0; i < 4; i++)
            policy.BindIn(Pick(random, SomeNamespaces), $"b{i}", Pick(random, "Role", "ClusterRole"), Pick(random, "r1", "r2", "gone"), RandomSubject(random), RandomSubject(random));
        return policy;
    }

    private static Subject RandomSubject(Random random) => random.Next(3) switch
    {
        0 => User(Pick(random, SomeUsers)),
        1 => Group(Pick(random, SomeGroupsOfUsers)),
        _ => Account("robot", random.Next(2) == 0 ? null : Pick(random, SomeNamespaces)),
    };

    private static PolicyRule RandomRule(Random random) => random.Next(4) == 0
        ? Urls(Pick(random, SomeVerbs), Pick(random, SomeUrls))
        : Rule(Pick(random, SomeVerbs), Pick(random, SomeGroups), Pick(random, SomeResources), random.Next(3) == 0 ? Pick(random, SomeNames) : null);

    private static AccessRequest RandomRequest(Random random)
    {
        string resource = Pick(random, "pods", "pods/log", "deployments", "deployments/scale");
        return new AccessRequest
        {
            User = Pick(random, SomeUsers),
            Groups = random.Next(2) == 0 ? [] : [Pick(random, SomeGroupsOfUsers)],
            Verb = Pick(random, "get", "list", "create"),
            Group = Pick(random, "", "apps"),
            Resource = resource.Split('/')[0],
            Subresource = resource.Contains('/') ? resource.Split('/')[1] : "",
            Namespace = Pick(random, "", "one", "two"),
            Name = Pick(random, "", "a", "c"),
            Path = Pick(random, "/api", "/api/v1", "/apis", "/healthz"),
            IsResourceRequest = random.Next(4) != 0,
        };
    }

    private static string Pick(Random random, params string[] values) => values[random.Next(values.Length)];
}
