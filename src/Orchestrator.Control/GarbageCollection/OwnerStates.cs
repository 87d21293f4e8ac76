namespace Orchestrator.Control.GarbageCollection;

/// <summary>The owners of one object: which live, which are gone, which are being deleted and wait for it.</summary>
internal sealed class OwnerStates
{
    public OwnerStates(IKubernetesObject target, ReconcileInput input)
    {
        foreach (var owner in target.Metadata.OwnerReferences.OrEmpty())
            Classify(owner, target, input);
    }

    /// <summary>Uids.</summary>
    public List<string> Solid { get; } = [];

    public List<string> Missing { get; } = [];

    public List<string> Waiting { get; } = [];

    /// <summary>Owners that the caches do not have and the API has not been asked for.</summary>
    public List<Lookup> Lookups { get; } = [];

    /// <summary>Whether the API could not tell.</summary>
    public bool AreUnclear { get; private set; }

    private void Classify(OwnerReference owner, IKubernetesObject target, ReconcileInput input)
    {
        string uid = owner.Uid ?? "";
        if (input.Cache.ByUid(uid) is { } cached && Reaches(cached, target))
        {
            (GarbageCollector.IsWaiting(cached) ? Waiting : Solid).Add(uid);
            return;
        }
        if (OwnerRef(owner, target, input.Resources) is not { } reference)
        {
            // A kind that is not served (any more): it cannot be told, so nothing is deleted for it.
            Solid.Add(uid);
            return;
        }
        var get = new Lookup.Get(reference);
        if (input.Found.Errors.ContainsKey(get))
            AreUnclear = true;
        else if (!input.Found.Objects.TryGetValue(get, out var live))
            Lookups.Add(get);
        else if (live is null || live.Uid != uid)
            Missing.Add(uid);
        else
            (GarbageCollector.IsWaiting(live) ? Waiting : Solid).Add(uid);
    }

    /// <summary>An owner is cluster-wide or of the same namespace; others own nothing.</summary>
    private static bool Reaches(IKubernetesObject owner, IKubernetesObject target) =>
        owner.Namespace.Length == 0 || owner.Namespace == target.Namespace;

    private static ObjectRef? OwnerRef(
        OwnerReference owner, IKubernetesObject target, IReadOnlyList<ResourceDescription> resources)
    {
        foreach (var resource in resources)
        {
            if (resource.Kind.Kind != owner.Kind || resource.Kind.ApiVersion != owner.ApiVersion)
                continue;
            string scope = resource.IsNamespaced ? target.Namespace : "";
            return new ObjectRef(resource.Kind, scope, owner.Name ?? "");
        }
        return null;
    }
}
