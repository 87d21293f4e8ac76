using Orchestrator.Api.FlowcontrolV1;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.FlowControl;

/// <summary>The priority levels that every cluster has from the start, and which requests belong to which.</summary>
/// <remarks>Two of each are mandatory: nobody may change what they say. The others are suggestions, kept up to date while their
/// annotation says so.</remarks>
public static class BootstrapFlowControl
{
    public const string AutoUpdateAnnotation = "apf.kubernetes.io/autoupdate-spec";
    public const string Exempt = "exempt";
    public const string CatchAll = "catch-all";

    private const string Every = "*";
    private const string ByUser = "ByUser";
    private const string ByNamespace = "ByNamespace";
    private const string ControllerManager = "system:kube-controller-manager";
    private const string Scheduler = "system:kube-scheduler";
    private const string SystemNamespace = "kube-system";

    private static readonly string[] _everybody = ["system:unauthenticated", "system:authenticated"];
    private static readonly string[] _leaderVerbs = ["get", "create", "update"];

    public static IReadOnlyList<PriorityLevelConfiguration> PriorityLevels() =>
    [
        Named(Exempt, new PriorityLevelConfigurationSpec
        {
            Type = "Exempt",
            Exempt = new ExemptPriorityLevelConfiguration { NominalConcurrencyShares = 0, LendablePercent = 0 },
        }),
        Limited(CatchAll, shares: 5, lendablePercent: 0),
        Limited("system", shares: 30, lendablePercent: 33, queues: 64, handSize: 6),
        Limited("node-high", shares: 40, lendablePercent: 25, queues: 64, handSize: 6),
        Limited("leader-election", shares: 10, lendablePercent: 0, queues: 16, handSize: 4),
        Limited("workload-high", shares: 40, lendablePercent: 50, queues: 128, handSize: 6),
        Limited("workload-low", shares: 100, lendablePercent: 90, queues: 128, handSize: 6),
        Limited("global-default", shares: 20, lendablePercent: 50, queues: 128, handSize: 6),
    ];

    public static IReadOnlyList<FlowSchema> FlowSchemas() =>
    [
        Everything(Exempt, Exempt, 1, null, Groups("system:masters")),
        Everything(CatchAll, CatchAll, 10_000, ByUser, Groups(_everybody)),
        Named("probes", Exempt, 2, null, new PolicyRulesWithSubjects
        {
            Subjects = Groups(_everybody),
            NonResourceRules = [new NonResourcePolicyRule { Verbs = ["get"], NonResourceURLs = ["/healthz", "/readyz", "/livez"] }],
        }),
        Named("system-leader-election", "leader-election", 100, ByUser, new PolicyRulesWithSubjects
        {
            Subjects = [.. Users(ControllerManager, Scheduler), .. SystemAccounts(Every)],
            ResourceRules = [Leases(_leaderVerbs)],
        }),
        Named("endpoint-controller", "workload-high", 150, ByUser, new PolicyRulesWithSubjects
        {
            Subjects = [.. Users(ControllerManager), .. SystemAccounts("endpoint-controller", "endpointslicemirroring-controller")],
            ResourceRules = [Rule(_leaderVerbs, "", ["endpoints"])],
        }),
        Named("workload-leader-election", "leader-election", 200, ByUser, new PolicyRulesWithSubjects
        {
            Subjects = SystemAccounts(Every),
            ResourceRules = [Leases(_leaderVerbs)],
        }),
        Named("system-node-high", "node-high", 400, ByUser, new PolicyRulesWithSubjects
        {
            Subjects = Groups("system:nodes"),
            ResourceRules = [Rule([Every], "", ["nodes", "nodes/status"], isClusterScoped: true), Leases([Every])],
        }),
        Everything("system-nodes", "system", 500, ByUser, Groups("system:nodes")),
        Everything("kube-controller-manager", "workload-high", 800, ByNamespace, Users(ControllerManager)),
        Everything("kube-scheduler", "workload-high", 800, ByNamespace, Users(Scheduler)),
        Everything("kube-system-service-accounts", "workload-high", 900, ByNamespace, SystemAccounts(Every)),
        Everything("service-accounts", "workload-low", 9_000, ByUser, Groups("system:serviceaccounts")),
        Everything("global-default", "global-default", 9_900, ByUser, Groups(_everybody)),
    ];

    /// <summary>What is to be written over <paramref name="existing"/>; null if nothing is.</summary>
    public static PriorityLevelConfiguration? Reconcile(PriorityLevelConfiguration existing, PriorityLevelConfiguration expected)
    {
        if (!IsKept(existing) || existing.Spec.DeepEquals(expected.Spec))
            return null;
        var updated = existing.DeepClone();
        updated.Spec = expected.Spec.DeepClone();
        return updated;
    }

    /// <inheritdoc cref="Reconcile(PriorityLevelConfiguration, PriorityLevelConfiguration)"/>
    public static FlowSchema? Reconcile(FlowSchema existing, FlowSchema expected)
    {
        if (!IsKept(existing) || existing.Spec.DeepEquals(expected.Spec))
            return null;
        var updated = existing.DeepClone();
        updated.Spec = expected.Spec.DeepClone();
        return updated;
    }

    private static bool IsKept(IKubernetesObject existing) => existing.Annotations.GetValueOrDefault(AutoUpdateAnnotation) == "true";

    private static PriorityLevelConfiguration Limited(
        string name, int shares, int lendablePercent, int queues = 0, int handSize = 0)
    {
        const int queueLengthLimit = 50;
        var response = queues == 0
            ? new LimitResponse { Type = "Reject" }
            : new LimitResponse
            {
                Type = "Queue",
                Queuing = new QueuingConfiguration { Queues = queues, HandSize = handSize, QueueLengthLimit = queueLengthLimit },
            };
        return Named(name, new PriorityLevelConfigurationSpec
        {
            Type = "Limited",
            Limited = new LimitedPriorityLevelConfiguration
            {
                NominalConcurrencyShares = shares,
                LendablePercent = lendablePercent,
                LimitResponse = response,
            },
        });
    }

    private static PriorityLevelConfiguration Named(string name, PriorityLevelConfigurationSpec spec) =>
        new() { Metadata = Metadata(name), Spec = spec };

    private static FlowSchema Everything(string name, string level, int precedence, string? distinguisher, List<Subject> subjects) =>
        Named(name, level, precedence, distinguisher, new PolicyRulesWithSubjects
        {
            Subjects = subjects,
            ResourceRules = [Rule([Every], Every, [Every], isClusterScoped: true)],
            NonResourceRules = [new NonResourcePolicyRule { Verbs = [Every], NonResourceURLs = [Every] }],
        });

    private static FlowSchema Named(string name, string level, int precedence, string? distinguisher, PolicyRulesWithSubjects rules) =>
        new()
        {
            Metadata = Metadata(name),
            Spec = new FlowSchemaSpec
            {
                PriorityLevelConfiguration = new PriorityLevelConfigurationReference { Name = level },
                MatchingPrecedence = precedence,
                DistinguisherMethod = distinguisher is null ? null : new FlowDistinguisherMethod { Type = distinguisher },
                Rules = [rules],
            },
        };

    private static ObjectMeta Metadata(string name) => new() { Name = name, Annotations = new() { [AutoUpdateAnnotation] = "true" } };

    private static ResourcePolicyRule Leases(IEnumerable<string> verbs) => Rule(verbs, "coordination.k8s.io", ["leases"]);

    private static ResourcePolicyRule Rule(
        IEnumerable<string> verbs, string group, List<string> resources, bool isClusterScoped = false) => new()
    {
        Verbs = [.. verbs],
        ApiGroups = [group],
        Resources = resources,
        Namespaces = [Every],
        ClusterScope = isClusterScoped ? true : null,
    };

    private static List<Subject> Groups(params IEnumerable<string> names) =>
        [.. names.Select(name => new Subject { Kind = "Group", Group = new GroupSubject { Name = name } })];

    private static List<Subject> Users(params IEnumerable<string> names) =>
        [.. names.Select(name => new Subject { Kind = "User", User = new UserSubject { Name = name } })];

    private static List<Subject> SystemAccounts(params IEnumerable<string> names) =>
    [
        .. names.Select(name => new Subject
        {
            Kind = "ServiceAccount",
            ServiceAccount = new ServiceAccountSubject { Namespace = SystemNamespace, Name = name },
        }),
    ];
}
