namespace Orchestrator.Control.Namespaces;

/// <summary>Empties a namespace that is being deleted, and then lets it go.</summary>
/// <remarks>It looks at the API itself, not at caches: a namespace must not go while anything is left in it. Pods go first, so
/// that they end while what they use is still there.</remarks>
public static class NamespaceController
{
    public const string Finalizer = "kubernetes";

    /// <summary>How often content is deleted and counted anew within one look.</summary>
    private const int PassLimit = 2;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(15);

    public static ControllerDescription Description { get; } = new()
    {
        Name = "namespace-controller",
        Reconcile = Reconcile,
        Workers = 10,
        Watches = [Watch.On<Namespace>(static (_, after, _) => after is { IsBeingDeleted: true } ? [after.Key] : [])],
    };

    /// <param name="Looks">Looks so far that left something.</param>
    /// <param name="Passes">Deletions within this look.</param>
    private sealed record Progress(int Looks, int Passes);

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<Namespace>("", input.Key.Name) is not { IsBeingDeleted: true } target)
            return Decision.Nothing;
        if (target.Spec.Finalizers.OrEmpty().Count == 0)
            return target.Metadata.Finalizers.OrEmpty().Count == 0
                ? Decision.Of(new Delete(ObjectRef.To(target))) : Decision.Nothing;
        if (!target.Spec.Finalizers!.Contains(Finalizer))
            return Decision.Nothing;
        return Empty(target, input);
    }

    private static Decision Empty(Namespace target, ReconcileInput input)
    {
        var resources = Deletable(input.Resources);
        var lookups = resources.Select(Lookup (resource) => new Lookup.List(resource, target.Name)).ToList();
        var progress = input.Memory as Progress ?? new Progress(0, 0);
        if (input.Found.Lists.Count == 0 && input.Found.Errors.Count == 0)
            return new Decision { Lookups = lookups, Memory = progress with { Passes = 0 } };

        var content = new NamespaceContent(resources, target.Name, input.Found);
        if (content.IsEmpty)
            return Finish(target, content, input.Now);
        if (progress.Passes < PassLimit)
        {
            return new Decision
            {
                Intents = content.Deletions(),
                Lookups = lookups,
                Memory = progress with { Passes = progress.Passes + 1 },
            };
        }
        var wait = TimeSpan.FromSeconds(Math.Min(LongestWait.TotalSeconds, 0.5 * Math.Pow(2, Math.Min(progress.Looks, 10))));
        return new Decision
        {
            Intents = StatusUpdate(target, content, input.Now),
            RequeueAt = input.Now + wait,
            Memory = new Progress(progress.Looks + 1, 0),
        };
    }

    private static Decision Finish(Namespace target, NamespaceContent content, DateTimeOffset now)
    {
        var changed = target.DeepClone();
        changed.Status.Phase = "Terminating";
        changed.Status.Conditions = content.Conditions(target.Status.Conditions, now);
        changed.Spec.Finalizers = changed.Spec.Finalizers!.Where(finalizer => finalizer != Finalizer).ToList();
        return Decision.Of(new Update(changed, "finalize"));
    }

    private static IReadOnlyList<Intent> StatusUpdate(Namespace target, NamespaceContent content, DateTimeOffset now)
    {
        var changed = target.DeepClone();
        changed.Status.Phase = "Terminating";
        changed.Status.Conditions = content.Conditions(target.Status.Conditions, now);
        return changed.Status.DeepEquals(target.Status) ? [] : [Update.Status(changed)];
    }

    /// <summary>Each namespaced resource once, whatever the versions and groups in which it is served.</summary>
    private static List<GroupVersionResource> Deletable(IReadOnlyList<ResourceDescription> served)
    {
        var seen = new HashSet<(string, string)>();
        var resources = new List<GroupVersionResource>();
        foreach (var resource in served)
        {
            // events.k8s.io shows the very objects of the core group.
            if (resource.IsNamespaced && resource.Group != "events.k8s.io"
                && resource.Verbs.Contains("list") && resource.Verbs.Contains("deletecollection")
                && seen.Add((resource.Group, resource.Plural)))
            {
                resources.Add(new GroupVersionResource(resource.Group, resource.Version, resource.Plural));
            }
        }
        return resources;
    }
}
