namespace Orchestrator.Control.Reconciling;

/// <summary>All that a controller may look at. Equal inputs give equal decisions.</summary>
public sealed record ReconcileInput
{
    /// <summary>What is to be looked at: an object's namespace and name, or what the controller's watches made of it.</summary>
    public required NamespacedName Key { get; init; }

    public required IObjectCache Cache { get; init; }

    public required DateTimeOffset Now { get; init; }

    /// <summary>What of this key's last decision failed. Empty after a success.</summary>
    public IReadOnlyList<IntentFailure> Failures { get; init; } = [];

    /// <summary>What this key's last decision handed on; null at first.</summary>
    public object? Memory { get; init; }

    /// <summary>Results of this round's lookups.</summary>
    public Findings Found { get; init; } = Findings.None;

    /// <summary>The resources that the API serves now; <see cref="ResourceTable.Served"/> where the host has no better knowledge.</summary>
    public IReadOnlyList<ResourceDescription> Resources { get; init; } = ResourceTable.Served.All;
}

/// <summary>An intent that the API server refused.</summary>
/// <param name="Status">The refusal: code, reason, message, details.</param>
public sealed record IntentFailure(Intent Intent, Status Status);
