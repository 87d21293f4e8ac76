namespace Orchestrator.Control.Reconciling;

/// <summary>A read from the API server itself, for decisions that must not rest on a cache that lags (adopting, deleting for
/// want of an owner, ending a namespace).</summary>
public abstract record Lookup
{
    /// <summary>One object, by kind, namespace and name; uid and resourceVersion of the reference are not looked at.</summary>
    public sealed record Get(ObjectRef Target) : Lookup;

    /// <summary>All objects of a resource in a namespace.</summary>
    public sealed record List(GroupVersionResource Resource, string Namespace) : Lookup;
}

/// <summary>What lookups found.</summary>
public sealed record Findings
{
    public static Findings None { get; } = new();

    /// <summary>Null values: there is no such object (404).</summary>
    public IReadOnlyDictionary<Lookup.Get, IKubernetesObject?> Objects { get; init; } =
        new Dictionary<Lookup.Get, IKubernetesObject?>();

    public IReadOnlyDictionary<Lookup.List, IReadOnlyList<IKubernetesObject>> Lists { get; init; } =
        new Dictionary<Lookup.List, IReadOnlyList<IKubernetesObject>>();

    /// <summary>Lookups that failed for another reason than 404, with the refusal's message.</summary>
    public IReadOnlyDictionary<Lookup, string> Errors { get; init; } = new Dictionary<Lookup, string>();
}
