using Orchestrator.Control.Quotas;

namespace Orchestrator.Control.Tests.Quotas;

public sealed class ResourceQuotaControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "quota");

    private readonly FakeCluster _cluster = new();

    private static ResourceQuota New(params string[] resources) => new()
    {
        Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "quota" },
        Spec = new ResourceQuotaSpec { Hard = resources.ToDictionary(name => name, _ => Quantity.Parse("100")) },
    };

    private static Container Asking(string cpu, string memory, string? restartPolicy = null) => new()
    {
        Name = "c" + cpu,
        RestartPolicy = restartPolicy,
        Resources = new ResourceRequirements
        {
            Requests = new() { ["cpu"] = Quantity.Parse(cpu), ["memory"] = Quantity.Parse(memory) },
            Limits = new() { ["cpu"] = Quantity.Parse(cpu) * 2 },
        },
    };

    private Dictionary<string, string> Used()
    {
        _cluster.Settle(ResourceQuotaController.Description, Key);
        return _cluster.Get<ResourceQuota>(Make.Ns, "quota")!.Status.Used!.ToDictionary(u => u.Key, u => u.Value.ToString());
    }

    [Fact]
    public void Pods_count_with_what_they_ask_for_until_they_end()
    {
        _cluster.With(New("pods", "cpu", "requests.memory", "limits.cpu", "count/pods"),
            Make.Pod("a").With(pod => pod.Spec.Containers = [Asking("250m", "1Gi"), Asking("500m", "1Gi")]),
            Make.Pod("ended").Phase("Succeeded").With(pod => pod.Spec.Containers = [Asking("9", "9Gi")]));

        Assert.Equal(new Dictionary<string, string>
        {
            ["pods"] = "1", ["cpu"] = "750m", ["requests.memory"] = "2Gi", ["limits.cpu"] = "1500m", ["count/pods"] = "2",
        }, Used());
    }

    [Fact]
    public void Services_claims_and_objects_count()
    {
        _cluster.With(
            New("services", "services.nodeports", "services.loadbalancers", "persistentvolumeclaims", "requests.storage",
                "fast.storageclass.storage.k8s.io/requests.storage", "configmaps", "count/deployments.apps"),
            new Service
            {
                Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "lb" },
                Spec = new ServiceSpec { Type = "LoadBalancer", Ports = [new ServicePort { Port = 80 }, new ServicePort { Port = 443 }] },
            },
            new PersistentVolumeClaim
            {
                Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "data" },
                Spec = new PersistentVolumeClaimSpec
                {
                    StorageClassName = "fast",
                    Resources = new VolumeResourceRequirements { Requests = new() { ["storage"] = Quantity.Parse("5Gi") } },
                },
            },
            new ConfigMap { Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "config" } },
            new ConfigMap { Metadata = new ObjectMeta { Namespace = "elsewhere", Name = "config" } },
            Make.Deployment());

        Assert.Equal(["1", "2", "1", "1", "5Gi", "5Gi", "1", "1"], Used().Values);
    }

    [Theory]
    [InlineData("count/podtemplates")]
    [InlineData("count/roles.rbac.authorization.k8s.io")]
    [InlineData("count/networkpolicies.networking.k8s.io")]
    [InlineData("count/poddisruptionbudgets.policy")]
    public void Objects_of_other_kinds_count_by_their_resource(string resource)
    {
        var metadata = new ObjectMeta { Namespace = Make.Ns, Name = "one" };
        _cluster.With(
            New(resource), new PodTemplate { Metadata = metadata.DeepClone() }, new Orchestrator.Api.RbacV1.Role { Metadata = metadata.DeepClone() },
            new Orchestrator.Api.NetworkingV1.NetworkPolicy { Metadata = metadata.DeepClone() },
            new Orchestrator.Api.PolicyV1.PodDisruptionBudget { Metadata = metadata.DeepClone() });

        Assert.Equal(["1"], Used().Values);
    }

    [Fact]
    public void What_admission_charges_is_not_counted_anew_before_it_is_stored()
    {
        _cluster.With(New("configmaps"));
        Used();
        var counted = _cluster.Get<ResourceQuota>(Make.Ns, "quota")!;
        var charged = counted.DeepClone();
        charged.Status.Used!["configmaps"] = Quantity.Parse("1");
        var meddledWith = counted.DeepClone();
        meddledWith.Status.Hard!["configmaps"] = Quantity.Parse("2");
        var raised = counted.DeepClone();
        raised.Spec.Hard!["configmaps"] = Quantity.Parse("2");
        var map = new ConfigMap { Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "config" } };

        Assert.Empty(Woken<ResourceQuota>(counted, charged));
        Assert.Equal([Key], Woken<ResourceQuota>(counted, meddledWith));
        Assert.Equal([Key], Woken<ResourceQuota>(counted, raised));
        Assert.Equal([Key], Woken<ResourceQuota>(null, New("configmaps")));
        Assert.Equal([Key], Woken<ResourceQuota>(charged, charged));
        Assert.Empty(Woken<ConfigMap>(null, map));
        Assert.Equal([Key], Woken<ConfigMap>(map, null));
    }

    private IEnumerable<NamespacedName> Woken<T>(T? before, T? after) where T : class, IKubernetesObject<T> =>
        ResourceQuotaController.Description.Watches.Single(watch => watch.Kind == T.StaticKind)
            .Keys(new ObjectChange(before, after), _cluster);

    [Theory]
    [InlineData("BestEffort", true, false)]
    [InlineData("NotBestEffort", false, true)]
    [InlineData("NotTerminating", true, true)]
    [InlineData("Terminating", false, false)]
    public void Scopes_say_which_pods_count(string scope, bool countsIdle, bool countsAsking)
    {
        var quota = New("pods");
        quota.Spec.Scopes = [scope];

        Assert.Equal(countsIdle, QuotaMeasure.Counts(quota, Make.Pod("idle")));
        Assert.Equal(countsAsking, QuotaMeasure.Counts(quota, Make.Pod("asking").With(pod => pod.Spec.Containers = [Asking("1", "1Gi")])));
    }

    [Fact]
    public void A_scope_selector_looks_at_the_priority_class()
    {
        var quota = New("pods");
        quota.Spec.ScopeSelector = new ScopeSelector
        {
            MatchExpressions = [new ScopedResourceSelectorRequirement { ScopeName = "PriorityClass", Operator = "In", Values = ["high"] }],
        };

        Assert.True(QuotaMeasure.Counts(quota, Make.Pod("p").With(pod => pod.Spec.PriorityClassName = "high")));
        Assert.False(QuotaMeasure.Counts(quota, Make.Pod("p")));
    }
}
