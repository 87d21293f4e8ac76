namespace Orchestrator.Control.Workloads;

/// <summary>From a change of a dependent object to the keys of its owners.</summary>
public static class OwnerKeys
{
    /// <summary>The controlling owner before and after; and, for an orphan that appeared or whose labels or owner changed, every
    /// owner of the namespace that might adopt it.</summary>
    public static IEnumerable<NamespacedName> Of<TOwner, TDependent>(
        TDependent? before, TDependent? after, IObjectCache cache, Func<TOwner, Selector> selector)
        where TOwner : class, IKubernetesObject<TOwner> where TDependent : class, IKubernetesObject<TDependent>
    {
        var ownerBefore = before?.ControllerOwner;
        var ownerAfter = after?.ControllerOwner;
        if (ownerBefore is not null && Resolve<TOwner>(ownerBefore, before!.Namespace, cache) is { } formerKey)
            yield return formerKey;
        if (ownerAfter is not null)
        {
            if (ownerAfter.Uid != ownerBefore?.Uid && Resolve<TOwner>(ownerAfter, after!.Namespace, cache) is { } key)
                yield return key;
            yield break;
        }
        if (after is null || after.IsBeingDeleted)
            yield break;
        bool mayConcernOthers = before is null || ownerBefore is not null || !SameLabels(before.Labels, after.Labels);
        if (!mayConcernOthers)
            yield break;
        foreach (var owner in cache.List<TOwner>(after.Namespace))
        {
            if (selector(owner).Matches(after.Labels))
                yield return owner.Key;
        }
    }

    /// <summary>The key of the owner that a reference means, if the reference is of that kind and uid.</summary>
    public static NamespacedName? Resolve<TOwner>(OwnerReference reference, string namespaceName, IObjectCache cache)
        where TOwner : class, IKubernetesObject<TOwner>
    {
        if (reference.Kind != TOwner.StaticKind.Kind || reference.ApiVersion != TOwner.StaticKind.ApiVersion)
            return null;
        var owner = cache.Get<TOwner>(namespaceName, reference.Name ?? "");
        // An owner that is not in the cache is looked at all the same: its removal may have to be finished.
        return owner is not null && owner.Uid != reference.Uid ? null : new NamespacedName(namespaceName, reference.Name ?? "");
    }

    private static bool SameLabels(IReadOnlyDictionary<string, string> x, IReadOnlyDictionary<string, string> y)
    {
        if (x.Count != y.Count)
            return false;
        foreach (var (key, value) in x)
        {
            if (!y.TryGetValue(key, out string? other) || other != value)
                return false;
        }
        return true;
    }
}
