using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Defaulting;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Strategies;

/// <summary>Pods: born Pending, graceful when deleted, and changed in part only through their subresources.</summary>
internal static class PodStrategy
{
    public static KindStrategy<Pod> Create() => new()
    {
        ResetStatus = pod => pod.Status = new PodStatus { Phase = "Pending", QosClass = QualityOfService.ClassOf(pod.Spec) },
        KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
        KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        SameSpec = (updated, old) => updated.Spec.DeepEquals(old.Spec),
        OnCreate = OnCreate,
        OnUpdate = (updated, _) => PodDefaults.MirrorServiceAccount(updated.Spec),
        OnStatusUpdate = OnStatusUpdate,
        OnSubresource = new Dictionary<string, Action<Pod, Pod, DateTimeOffset>>(StringComparer.Ordinal)
        {
            ["ephemeralcontainers"] = OnEphemeralContainers,
            ["resize"] = OnResize,
        },
        Warns = PodWarnings.Of,
        GracePeriod = GracePeriod,
    };

    private static void OnCreate(Pod pod, DateTimeOffset now)
    {
        PodDefaults.MirrorServiceAccount(pod.Spec);
        if (pod.Spec.SchedulingGates is { Count: > 0 })
        {
            (pod.Status.Conditions ??= []).Add(new PodCondition
            {
                Type = "PodScheduled",
                Status = "False",
                Reason = "SchedulingGated",
                Message = "Scheduling is blocked due to non-empty scheduling gates",
            });
        }
        SelectByOwnLabels(pod);
    }

    private static void OnStatusUpdate(Pod updated, Pod old, DateTimeOffset now)
    {
        updated.Metadata.DeletionTimestamp = old.Metadata.DeletionTimestamp;
        updated.Metadata.OwnerReferences = old.Metadata.OwnerReferences?.ConvertAll(owner => owner.DeepClone());
        updated.Status.QosClass = old.Status.QosClass;
        PodDefaults.MirrorAddresses(updated.Status);
    }

    // Of what is sent only the ephemeral containers count.
    private static void OnEphemeralContainers(Pod updated, Pod old, DateTimeOffset now)
    {
        var sent = updated.Spec.EphemeralContainers;
        updated.Spec = old.Spec.DeepClone();
        updated.Spec.EphemeralContainers = sent;
        updated.Status = old.Status.DeepClone();
        updated.Metadata = KeptMetadata(updated, old);
    }

    // Of what is sent only resources and what a change of them means for the container count.
    private static void OnResize(Pod updated, Pod old, DateTimeOffset now)
    {
        var spec = old.Spec.DeepClone();
        Resize(spec.Containers, updated.Spec.Containers);
        Resize(spec.InitContainers, updated.Spec.InitContainers);
        if (updated.Spec.Resources is { } resources)
            spec.Resources = resources;
        updated.Spec = spec;
        updated.Status = old.Status.DeepClone();
        updated.Metadata = KeptMetadata(updated, old);
    }

    private static void Resize(List<Container>? kept, List<Container>? sent)
    {
        foreach (var container in sent.OrEmpty())
        {
            if (kept.OrEmpty().FirstOrDefault(candidate => candidate.Name == container.Name) is not { } target)
                continue;
            target.Resources = container.Resources;
            target.ResizePolicy = container.ResizePolicy;
        }
    }

    // The resourceVersion is the client's, for the check of conflicts; managed fields are written afterwards.
    private static ObjectMeta KeptMetadata(Pod updated, Pod old)
    {
        var metadata = old.Metadata.DeepClone();
        metadata.ResourceVersion = updated.Metadata.ResourceVersion;
        metadata.ManagedFields = updated.Metadata.ManagedFields;
        return metadata;
    }

    // Nothing runs yet, or no longer: nothing to wait for.
    private static long GracePeriod(Pod pod, long? requested)
    {
        long period = requested ?? pod.Spec.TerminationGracePeriodSeconds ?? 0;
        if (string.IsNullOrEmpty(pod.Spec.NodeName) || pod.Status.Phase is "Failed" or "Succeeded")
            return 0;
        return period < 0 ? 1 : period;
    }

    // matchLabelKeys is a short way to write the pod's own values into the term's selector.
    private static void SelectByOwnLabels(Pod pod)
    {
        var affinity = pod.Spec.Affinity?.PodAffinity;
        var antiAffinity = pod.Spec.Affinity?.PodAntiAffinity;
        IEnumerable<PodAffinityTerm?> terms =
        [
            .. (affinity?.RequiredDuringSchedulingIgnoredDuringExecution).OrEmpty(),
            .. (affinity?.PreferredDuringSchedulingIgnoredDuringExecution).OrEmpty().Select(term => term.PodAffinityTerm),
            .. (antiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution).OrEmpty(),
            .. (antiAffinity?.PreferredDuringSchedulingIgnoredDuringExecution).OrEmpty().Select(term => term.PodAffinityTerm),
        ];
        foreach (var term in terms)
        {
            if (term?.LabelSelector is not { } selector)
                continue;
            AddRequirements(selector, pod, term.MatchLabelKeys, "In");
            AddRequirements(selector, pod, term.MismatchLabelKeys, "NotIn");
        }
    }

    private static void AddRequirements(LabelSelector selector, Pod pod, List<string>? keys, string requirement)
    {
        foreach (string key in keys.OrEmpty())
        {
            if (!pod.Labels.TryGetValue(key, out string? value))
                continue;
            (selector.MatchExpressions ??= []).Add(
                new LabelSelectorRequirement { Key = key, Operator = requirement, Values = [value] });
        }
    }
}
