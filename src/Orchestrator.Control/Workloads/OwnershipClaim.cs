using System.Text.Json;

namespace Orchestrator.Control.Workloads;

/// <summary>Which objects a controller counts as its own, and what it has to write for that: it adopts orphans that its
/// selector matches and releases those of its own that it does not match any more.</summary>
public sealed record OwnershipClaim<T>(IReadOnlyList<T> Owned, IReadOnlyList<Intent> Intents, IReadOnlyList<Lookup> Lookups)
    where T : class, IKubernetesObject<T>
{
    /// <summary>Decides over what <paramref name="owner"/> controls now and over the orphans of its namespace.</summary>
    /// <remarks>Adoption rests on the owner as the API itself has it now (not being deleted, same uid): the cache may lag behind
    /// a deletion with orphaned dependents, which adoption would undo. Until that is known the orphan counts as not owned.</remarks>
    /// <param name="counts">Which objects are looked at at all; the others keep what owner they have. Null: all.</param>
    public static OwnershipClaim<T> Decide(
        IKubernetesObject owner, Selector selector, ReconcileInput input, Func<T, bool>? counts = null)
    {
        var owned = new List<T>();
        var intents = new List<Intent>();
        var lookups = new List<Lookup>();

        foreach (var item in input.Cache.ByController<T>(owner.Uid))
        {
            if (item.Namespace != owner.Namespace || (counts is not null && !counts(item)))
                continue;
            if (selector.Matches(item.Labels))
                owned.Add(item);
            else if (!owner.IsBeingDeleted)
                intents.Add(Release(owner, item));
        }
        if (owner.IsBeingDeleted)
            return new(owned, intents, lookups);
        foreach (var orphan in input.Cache.Orphans<T>(owner.Namespace))
        {
            if (orphan.IsBeingDeleted || (counts is not null && !counts(orphan)) || !selector.Matches(orphan.Labels))
                continue;
            var get = new Lookup.Get(ObjectRef.To(owner));
            if (!input.Found.Objects.TryGetValue(get, out var live))
                lookups = [get];
            else if (live is not null && live.Uid == owner.Uid && !live.IsBeingDeleted)
            {
                intents.Add(Adopt(owner, orphan));
                owned.Add(orphan);
            }
        }
        return new(owned, intents, lookups);
    }

    private static Patch Adopt(IKubernetesObject owner, T orphan)
    {
        string body = $$$"""
            {"metadata":{"ownerReferences":[{"apiVersion":{{{Json(owner.GroupVersionKind.ApiVersion)}}},"kind":{{{Json(owner.GroupVersionKind.Kind)}}},"name":{{{Json(owner.Name)}}},"uid":{{{Json(owner.Uid)}}},"controller":true,"blockOwnerDeletion":true}],"uid":{{{Json(orphan.Uid)}}}}}
            """;
        return new Patch(ObjectRef.To(orphan), PatchType.StrategicMerge, body) { ContinueOnFailure = true };
    }

    private static Patch Release(IKubernetesObject owner, T item)
    {
        string body = $$$"""
            {"metadata":{"ownerReferences":[{"$patch":"delete","uid":{{{Json(owner.Uid)}}}}],"uid":{{{Json(item.Uid)}}}}}
            """;
        return new Patch(ObjectRef.To(item), PatchType.StrategicMerge, body) { ContinueOnFailure = true };
    }

    private static string Json(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
