using System.Text.Json.Nodes;

namespace Orchestrator.Control.GarbageCollection;

/// <summary>Deletes what no owner needs any more, and carries out foreground and orphaning deletion.</summary>
/// <remarks>
/// Its graph is the caches' own: objects by uid, dependents by their owners' uids. A key is an object's uid. The caches may
/// lag, so that an owner is missing only when the API itself says so, and what is deleted is looked at anew just before.
/// </remarks>
public static class GarbageCollector
{
    public const string ForegroundFinalizer = "foregroundDeletion";
    public const string OrphanFinalizer = "orphan";

    public static ControllerDescription Description { get; } = new()
    {
        Name = "garbage-collector-controller",
        Reconcile = Reconcile,
        Workers = 20,
        WatchesEverything = Keys,
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.ByUid(input.Key.Name) is not { } target)
            return Decision.Nothing;
        if (target.IsBeingDeleted)
        {
            if (Has(target, OrphanFinalizer))
                return OrphanDependents(target, input.Cache);
            return Has(target, ForegroundFinalizer) ? DeleteDependents(target, input.Cache) : Decision.Nothing;
        }
        return target.Metadata.OwnerReferences is { Count: > 0 } ? DeleteIfUnowned(target, input) : Decision.Nothing;
    }

    /// <summary>A change concerns the object itself when its owners or its deletion changed; its dependents when it is gone or
    /// begins to wait for them; and an owner that waits for it.</summary>
    private static IEnumerable<NamespacedName> Keys(ObjectChange change, IObjectCache cache)
    {
        var (before, after) = change;
        var current = change.Current;
        bool isGone = after is null;
        bool ownersChanged = before is null || after is null || !SameOwners(before, after);
        bool deletionChanged = before is null || after is null || before.IsBeingDeleted != after.IsBeingDeleted
            || Has(before, ForegroundFinalizer) != Has(after, ForegroundFinalizer)
            || Has(before, OrphanFinalizer) != Has(after, OrphanFinalizer);
        if (!ownersChanged && !deletionChanged && before != after)
            yield break;
        if (after is not null && (after.IsBeingDeleted || after.Metadata.OwnerReferences is { Count: > 0 }))
            yield return KeyOf(current.Uid);
        if (isGone || IsWaiting(current))
        {
            foreach (var dependent in cache.Dependents(current.Uid))
                yield return KeyOf(dependent.Uid);
        }
        var owners = (before?.Metadata.OwnerReferences).OrEmpty().Concat((after?.Metadata.OwnerReferences).OrEmpty());
        foreach (string? uid in owners.Select(owner => owner.Uid).Distinct())
        {
            if (uid is not null && cache.ByUid(uid) is { } owner && IsWaiting(owner))
                yield return KeyOf(uid);
        }
    }

    private static NamespacedName KeyOf(string uid) => new("", uid);

    private static Decision OrphanDependents(IKubernetesObject target, IObjectCache cache)
    {
        var releases = cache.Dependents(target.Uid)
            .Select(Intent (dependent) => WithoutOwners(dependent, new HashSet<string> { target.Uid })).ToList();
        var intents = new List<Intent>();
        if (releases.Count > 0)
            intents.Add(new Batch(releases));
        intents.Add(WithoutFinalizer(target, OrphanFinalizer));
        return new Decision { Intents = intents };
    }

    private static Decision DeleteDependents(IKubernetesObject target, IObjectCache cache)
    {
        bool isBlocked = cache.Dependents(target.Uid).Any(dependent => dependent.Metadata.OwnerReferences.OrEmpty()
            .Any(owner => owner.Uid == target.Uid && owner.BlockOwnerDeletion == true));
        // The dependents are keys of their own; this one is looked at again when the last of them is gone.
        return isBlocked ? Decision.Nothing : Decision.Of(WithoutFinalizer(target, ForegroundFinalizer));
    }

    private static Decision DeleteIfUnowned(IKubernetesObject target, ReconcileInput input)
    {
        var owners = new OwnerStates(target, input);
        if (owners.Lookups.Count > 0)
            return new Decision { Lookups = owners.Lookups };
        if (owners.AreUnclear)
            return new Decision { RetryWithBackoff = true };
        if (owners.Missing.Count == 0 && owners.Waiting.Count == 0)
            return Decision.Nothing;

        var get = new Lookup.Get(ObjectRef.To(target));
        if (!input.Found.Objects.TryGetValue(get, out var live))
        {
            return input.Found.Errors.ContainsKey(get)
                ? new Decision { RetryWithBackoff = true }
                // All owners that were looked up are asked for again: the answers of the rounds do not add up.
                : new Decision { Lookups = [get, .. input.Found.Objects.Keys.Where(lookup => lookup != get)] };
        }
        if (live is null || live.Uid != target.Uid || live.IsBeingDeleted)
            return Decision.Nothing;
        // Somebody gave it other owners since: the change will come by itself.
        if (!SameOwners(live, target))
            return Decision.Nothing;
        return Act(live, owners, input.Cache);
    }

    private static Decision Act(IKubernetesObject live, OwnerStates owners, IObjectCache cache)
    {
        if (owners.Solid.Count > 0)
            return Decision.Of(WithoutOwners(live, owners.Missing.Concat(owners.Waiting).ToHashSet()));
        var dependents = cache.Dependents(live.Uid);
        if (owners.Waiting.Count > 0 && dependents.Count > 0)
        {
            var intents = new List<Intent>();
            // A circle of foreground deletions would wait for itself.
            if (dependents.Any(IsWaiting))
                intents.Add(Unblocked(live));
            intents.Add(new Delete(ObjectRef.To(live), PropagationPolicy.Foreground));
            return new Decision { Intents = intents };
        }
        var policy = Has(live, OrphanFinalizer) ? PropagationPolicy.Orphan
            : Has(live, ForegroundFinalizer) ? PropagationPolicy.Foreground : PropagationPolicy.Background;
        // The version binds: had it been adopted meanwhile, it would live on.
        return Decision.Of(new Delete(ObjectRef.ToVersion(live), policy));
    }

    private static Patch WithoutOwners(IKubernetesObject target, IReadOnlySet<string> uids) => OwnersPatch(target,
        target.Metadata.OwnerReferences.OrEmpty().Where(owner => !uids.Contains(owner.Uid ?? "")), static _ => { });

    private static Patch Unblocked(IKubernetesObject target) => OwnersPatch(target,
        target.Metadata.OwnerReferences.OrEmpty(), static owner => owner["blockOwnerDeletion"] = false) with
    {
        ContinueOnFailure = true,
    };

    /// <summary>A merge patch, which every kind understands; the resourceVersion guards the list that it replaces.</summary>
    private static Patch OwnersPatch(IKubernetesObject target, IEnumerable<OwnerReference> owners, Action<JsonObject> change)
    {
        var list = new JsonArray();
        foreach (var owner in owners)
        {
            var json = new JsonObject
            {
                ["apiVersion"] = owner.ApiVersion,
                ["kind"] = owner.Kind,
                ["name"] = owner.Name,
                ["uid"] = owner.Uid,
            };
            if (owner.Controller is { } isController)
                json["controller"] = isController;
            if (owner.BlockOwnerDeletion is { } blocks)
                json["blockOwnerDeletion"] = blocks;
            change(json);
            list.Add((JsonNode)json);
        }
        return MetadataPatch(target, "ownerReferences", list.Count == 0 ? null : list);
    }

    private static Patch WithoutFinalizer(IKubernetesObject target, string finalizer)
    {
        var left = target.Metadata.Finalizers.OrEmpty().Where(name => name != finalizer)
            .Select(name => (JsonNode?)JsonValue.Create(name)).ToArray();
        return MetadataPatch(target, "finalizers", left.Length == 0 ? null : new JsonArray(left));
    }

    private static Patch MetadataPatch(IKubernetesObject target, string field, JsonNode? value)
    {
        var body = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["uid"] = target.Uid,
                ["resourceVersion"] = target.ResourceVersion,
                [field] = value,
            },
        };
        return new Patch(ObjectRef.ToVersion(target), PatchType.Merge, body.ToJsonString());
    }

    internal static bool IsWaiting(IKubernetesObject target) => target.IsBeingDeleted && Has(target, ForegroundFinalizer);

    private static bool Has(IKubernetesObject target, string finalizer) =>
        target.Metadata.Finalizers is { } finalizers && finalizers.Contains(finalizer);

    private static bool SameOwners(IKubernetesObject x, IKubernetesObject y)
    {
        var ofX = x.Metadata.OwnerReferences.OrEmpty();
        var ofY = y.Metadata.OwnerReferences.OrEmpty();
        return ofX.Count == ofY.Count && ofX.All(a => ofY.Any(b => a.Uid == b.Uid
            && (a.BlockOwnerDeletion ?? false) == (b.BlockOwnerDeletion ?? false)));
    }
}
