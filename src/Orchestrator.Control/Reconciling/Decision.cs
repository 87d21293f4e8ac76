namespace Orchestrator.Control.Reconciling;

/// <summary>What one look at the world led to.</summary>
/// <remarks>The host carries the intents out in order. When one fails, the later ones are dropped (unless it says
/// <see cref="Intent.ContinueOnFailure"/>), the key is queued again with back-off, and the failures come with the next
/// <see cref="ReconcileInput"/> of that key.</remarks>
public sealed record Decision
{
    public static Decision Nothing { get; } = new();

    public IReadOnlyList<Intent> Intents { get; init; } = [];

    /// <summary>When to look again even if nothing changes; null: not before the next change.</summary>
    public DateTimeOffset? RequeueAt { get; init; }

    /// <summary>What must be read from the API itself, past the caches, before it can be decided. When this is not empty, the
    /// host drops nothing: it carries out the intents, reads these, and calls again at once with
    /// <see cref="ReconcileInput.Found"/> (at most <see cref="LookupRoundsLimit"/> rounds, then the key is queued with back-off).</summary>
    public IReadOnlyList<Lookup> Lookups { get; init; } = [];

    /// <summary>Handed back with the next input of the same key; an immutable value, lost when the host restarts.</summary>
    public object? Memory { get; init; }

    /// <summary>Queue the key again with back-off, as after a failure.</summary>
    public bool RetryWithBackoff { get; init; }

    public const int LookupRoundsLimit = 4;

    public static Decision Of(params IReadOnlyList<Intent> intents) => new() { Intents = intents };
}
