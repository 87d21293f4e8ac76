using Orchestrator.Api.AutoscalingV2;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.NetworkingV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Api.RbacV1;
using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Quotas;

/// <summary>Counts what each quota's namespace uses.</summary>
public static class ResourceQuotaController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "resourcequota-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Resync = TimeSpan.FromMinutes(5),
        Watches = [Watch.On<ResourceQuota>(QuotaKeys), .. CountedKinds.Select(kind => kind.Watch)],
    };

    /// <summary>All kinds that a quota can count but two: of events there are too many, and of leases nothing but their renewals.</summary>
    private static CountedKind[] CountedKinds =>
    [
        new(Watch.On<Pod>(PodKeys), static (ns, cache) => cache.List<Pod>(ns)),
        Counted<Service>(static (x, y) => x.Spec.Type != y.Spec.Type || x.Spec.Ports.OrEmpty().Count != y.Spec.Ports.OrEmpty().Count),
        Counted<PersistentVolumeClaim>(static (x, y) => !QuotaMeasure.Of(x, default).Count.Equals(QuotaMeasure.Of(y, default).Count)
            || x.Spec.Resources?.DeepEquals(y.Spec.Resources) == false),
        Counted<ConfigMap>(), Counted<Secret>(), Counted<ServiceAccount>(), Counted<LimitRange>(), Counted<PodTemplate>(),
        Counted<Endpoints>(), Counted<EndpointSlice>(), Counted<Ingress>(), Counted<NetworkPolicy>(),
        Counted<ReplicationController>(), Counted<Deployment>(), Counted<ReplicaSet>(), Counted<StatefulSet>(), Counted<DaemonSet>(),
        Counted<ControllerRevision>(), Counted<Job>(), Counted<CronJob>(), Counted<HorizontalPodAutoscaler>(),
        Counted<PodDisruptionBudget>(), Counted<Role>(), Counted<RoleBinding>(), Counted<CSIStorageCapacity>(),
    ];

    private static readonly Func<string, IObjectCache, IEnumerable<IKubernetesObject>>[] _lists =
        [static (ns, cache) => cache.List<ResourceQuota>(ns), .. CountedKinds.Select(kind => kind.List)];

    private readonly record struct CountedKind(Watch Watch, Func<string, IObjectCache, IEnumerable<IKubernetesObject>> List);

    /// <summary>What is charged by admission wakes nobody: the object that it was charged for is stored only afterwards, and a count
    /// made in between would give back what was just taken.</summary>
    private static IEnumerable<NamespacedName> QuotaKeys(ResourceQuota? before, ResourceQuota? after, IObjectCache cache)
    {
        if (after is null)
            return [];
        bool isResync = ReferenceEquals(before, after);
        bool isCounted = before is not null && before.Spec.DeepEquals(after.Spec) && SameAmounts(after.Spec.Hard, after.Status.Hard)
            && after.Spec.Hard.OrEmpty().Keys.All(after.Status.Used.OrEmpty().ContainsKey);
        return isCounted && !isResync ? [] : [after.Key];
    }

    private static bool SameAmounts(Dictionary<string, Quantity>? first, Dictionary<string, Quantity>? second) =>
        first.OrEmpty().Count == second.OrEmpty().Count
        && first.OrEmpty().All(pair => second.OrEmpty().TryGetValue(pair.Key, out var other) && other.CompareTo(pair.Value) == 0);

    /// <summary>New objects were charged when they were let in; those that go or change give back here.</summary>
    private static CountedKind Counted<T>(Func<T, T, bool>? hasChanged = null) where T : class, IKubernetesObject<T>
    {
        var watch = Watch.On<T>((before, after, cache) => before is not null && (after is null || hasChanged?.Invoke(before, after) == true)
            ? QuotasOf(before.Namespace, cache) : []);
        return new(watch with { Delay = TimeSpan.FromMilliseconds(100) }, static (ns, cache) => cache.List<T>(ns));
    }

    /// <summary>A pod's use only changes as it goes or ends.</summary>
    private static IEnumerable<NamespacedName> PodKeys(Pod? before, Pod? after, IObjectCache cache) =>
        before is not null && (after is null || before.IsTerminal() != after.IsTerminal()
            || before.IsBeingDeleted != after.IsBeingDeleted)
            ? QuotasOf(before.Namespace, cache) : [];

    private static IEnumerable<NamespacedName> QuotasOf(string namespaceName, IObjectCache cache) =>
        cache.List<ResourceQuota>(namespaceName).Select(quota => quota.Key);

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<ResourceQuota>(input.Key.Namespace, input.Key.Name) is not { IsBeingDeleted: false } quota)
            return Decision.Nothing;
        var changed = quota.DeepClone();
        changed.Status.Hard = quota.Spec.Hard is { } hard ? new(hard) : null;
        changed.Status.Used = quota.Spec.Hard.OrEmpty().Keys.ToDictionary(name => name, _ => Quantity.Zero);
        foreach (var target in _lists.SelectMany(list => list(quota.Namespace, input.Cache)))
        {
            if (!QuotaMeasure.Counts(quota, target))
                continue;
            foreach (var (name, amount) in QuotaMeasure.Of(target, input.Now))
            {
                if (changed.Status.Used.TryGetValue(name, out var sum))
                    changed.Status.Used[name] = sum + amount;
            }
        }
        return changed.Status.DeepEquals(quota.Status) ? Decision.Nothing : Decision.Of(Update.Status(changed));
    }
}
