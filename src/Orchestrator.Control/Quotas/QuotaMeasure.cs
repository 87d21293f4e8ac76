using Orchestrator.Api.Strategies;
using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Quotas;

/// <summary>What an object uses of the resources that a quota can limit. Admission asks before it is written, the controller
/// counts what is there.</summary>
public static class QuotaMeasure
{
    private const string StorageClassSuffix = ".storageclass.storage.k8s.io/";

    public static Dictionary<string, Quantity> Of(IKubernetesObject target, DateTimeOffset now)
    {
        var usage = new Dictionary<string, Quantity>();
        var kind = target.GroupVersionKind;
        string plural = ResourceTable.Served.ForKind(kind)?.Plural ?? kind.Kind.ToLowerInvariant() + "s";
        Add(usage, kind.Group.Length == 0 ? $"count/{plural}" : $"count/{plural}.{kind.Group}", 1);
        switch (target)
        {
            case Pod pod: AddPod(usage, pod, now); break;
            case Service service: AddService(usage, service); break;
            case PersistentVolumeClaim claim: AddClaim(usage, claim); break;
            case ConfigMap or Secret or ReplicationController or ResourceQuota: Add(usage, plural, 1); break;
        }
        return usage;
    }

    /// <summary>Whether a quota counts this object at all; scopes speak of pods, and of claims by class.</summary>
    public static bool Counts(ResourceQuota quota, IKubernetesObject target)
    {
        var scopes = quota.Spec.Scopes.OrEmpty()
            .Select(scope => new ScopedResourceSelectorRequirement { ScopeName = scope, Operator = "Exists" })
            .Concat((quota.Spec.ScopeSelector?.MatchExpressions).OrEmpty()).ToList();
        return scopes.Count == 0 || (target is Pod pod && scopes.All(scope => Matches(scope, pod)));
    }

    private static bool Matches(ScopedResourceSelectorRequirement scope, Pod pod) => scope.ScopeName switch
    {
        "Terminating" => pod.Spec.ActiveDeadlineSeconds is >= 0,
        "NotTerminating" => pod.Spec.ActiveDeadlineSeconds is not >= 0,
        "BestEffort" => QualityOfService.ClassOf(pod.Spec) == "BestEffort",
        "NotBestEffort" => QualityOfService.ClassOf(pod.Spec) != "BestEffort",
        "CrossNamespacePodAffinity" => ReachesOtherNamespaces(pod),
        "PriorityClass" => MatchesValue(scope, pod.Spec.PriorityClassName),
        _ => false,
    };

    private static bool MatchesValue(ScopedResourceSelectorRequirement scope, string? value) => scope.Operator switch
    {
        "In" => !string.IsNullOrEmpty(value) && scope.Values.OrEmpty().Contains(value),
        "NotIn" => string.IsNullOrEmpty(value) || !scope.Values.OrEmpty().Contains(value),
        "Exists" => !string.IsNullOrEmpty(value),
        "DoesNotExist" => string.IsNullOrEmpty(value),
        _ => false,
    };

    private static bool ReachesOtherNamespaces(Pod pod)
    {
        var terms = (pod.Spec.Affinity?.PodAffinity?.RequiredDuringSchedulingIgnoredDuringExecution).OrEmpty()
            .Concat((pod.Spec.Affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution).OrEmpty())
            .Concat((pod.Spec.Affinity?.PodAffinity?.PreferredDuringSchedulingIgnoredDuringExecution).OrEmpty()
                .Select(weighted => weighted.PodAffinityTerm ?? new PodAffinityTerm()))
            .Concat((pod.Spec.Affinity?.PodAntiAffinity?.PreferredDuringSchedulingIgnoredDuringExecution).OrEmpty()
                .Select(weighted => weighted.PodAffinityTerm ?? new PodAffinityTerm()));
        return terms.Any(term => term.Namespaces.OrEmpty().Count > 0 || term.NamespaceSelector is not null);
    }

    private static void AddPod(Dictionary<string, Quantity> usage, Pod pod, DateTimeOffset now)
    {
        // One that should have gone by now is its node's trouble, not its namespace's.
        bool isOverdue = pod.Metadata.DeletionTimestamp is { } at
            && at.AddSeconds(pod.Metadata.DeletionGracePeriodSeconds ?? 0) < now;
        if (pod.IsTerminal() || isOverdue)
            return;
        Add(usage, "pods", 1);
        foreach (var (name, amount) in PodResources.Requests(pod.Spec))
        {
            if (name is "cpu" or "memory" or "ephemeral-storage" || name.StartsWith("hugepages-", StringComparison.Ordinal))
                usage[name] = amount;
            usage[$"requests.{name}"] = amount;
        }
        foreach (var (name, amount) in PodResources.Limits(pod.Spec))
            usage[$"limits.{name}"] = amount;
    }

    private static void AddService(Dictionary<string, Quantity> usage, Service service)
    {
        Add(usage, "services", 1);
        int ports = service.Spec.Ports.OrEmpty().Count;
        switch (service.Spec.Type)
        {
            case "NodePort":
                Add(usage, "services.nodeports", ports);
                break;
            case "LoadBalancer":
                Add(usage, "services.loadbalancers", 1);
                Add(usage, "services.nodeports", service.Spec.AllocateLoadBalancerNodePorts == false
                    ? service.Spec.Ports.OrEmpty().Count(port => port.NodePort is > 0) : ports);
                break;
        }
    }

    private static void AddClaim(Dictionary<string, Quantity> usage, PersistentVolumeClaim claim)
    {
        Add(usage, "persistentvolumeclaims", 1);
        string? storageClass = claim.Spec.StorageClassName;
        if (!string.IsNullOrEmpty(storageClass))
            Add(usage, $"{storageClass}{StorageClassSuffix}persistentvolumeclaims", 1);
        if (!(claim.Spec.Resources?.Requests).OrEmpty().TryGetValue("storage", out var size))
            return;
        usage["requests.storage"] = size;
        if (!string.IsNullOrEmpty(storageClass))
            usage[$"{storageClass}{StorageClassSuffix}requests.storage"] = size;
    }

    private static void Add(Dictionary<string, Quantity> usage, string name, long amount) =>
        usage[name] = Quantity.FromInt64(amount);
}
