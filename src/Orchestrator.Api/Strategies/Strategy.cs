namespace Orchestrator.Api.Strategies;

/// <summary>How the API server treats one kind's objects: what a client may set, what it keeps from the stored object, what it warns of.</summary>
/// <remarks>
/// The order of a create: decode, <c>Defaults.Apply</c>, name (generateName) and uid, <see cref="PrepareForCreate"/>, admission,
/// validation. Of an update: decode or patch, defaults, <see cref="PrepareForUpdate"/>, admission, validation.
/// Objects given in are changed in place; nothing of the stored object is shared with the new one.
/// </remarks>
public abstract class Strategy
{
    /// <summary>The rules of <paramref name="resource"/>; a kind that has none of its own gets those that hold for all.</summary>
    public static Strategy For(ResourceDescription resource) => StrategyTable.For(resource.Kind);

    /// <summary>Whether a PUT of a name that does not exist creates it.</summary>
    public bool AllowsCreateOnUpdate { get; init; }

    /// <summary>Whether a PUT without resourceVersion overwrites what is stored; otherwise it must be given.</summary>
    public bool AllowsUnconditionalUpdate { get; init; } = true;

    /// <summary>The warning that every request for this resource gets, whatever its verb; null for most.</summary>
    public string? DeprecationWarning { get; init; }

    /// <summary>Drops what only the system sets. The object has its name and uid already (a Job's selector is made of its uid).</summary>
    public virtual void PrepareForCreate(IKubernetesObject created, DateTimeOffset now)
    {
        var metadata = created.Metadata;
        metadata.CreationTimestamp = WholeSeconds(now);
        metadata.DeletionTimestamp = null;
        metadata.DeletionGracePeriodSeconds = null;
        metadata.SelfLink = null;
        metadata.Generation = null;
    }

    /// <summary>Keeps the stored status and what a client leaves out or may not change; counts the generation on when the spec changed.</summary>
    public virtual void PrepareForUpdate(IKubernetesObject updated, IKubernetesObject old) => KeepSystemFields(updated, old);

    /// <summary>A write to <c>/status</c>: the spec stays what it is.</summary>
    /// <param name="updated">What the client sends.</param>
    /// <param name="old">What is stored.</param>
    /// <param name="now">The time of a transition, for the few kinds that note it; may be left out.</param>
    public virtual void PrepareForStatusUpdate(IKubernetesObject updated, IKubernetesObject old, DateTimeOffset now = default) =>
        KeepSystemFields(updated, old);

    /// <summary>A write to another subresource: <c>finalize</c>, <c>ephemeralcontainers</c>, <c>resize</c>, <c>approval</c>.</summary>
    public virtual void PrepareForSubresourceUpdate(
        string subresource, IKubernetesObject updated, IKubernetesObject old, DateTimeOffset now)
    {
        if (subresource == "status")
            PrepareForStatusUpdate(updated, old, now);
        else
            PrepareForUpdate(updated, old);
    }

    /// <summary>Texts for <c>Warning: 299</c> headers on the write of <paramref name="written"/>; <paramref name="old"/> is null on create.</summary>
    public virtual IReadOnlyList<string> Warnings(IKubernetesObject written, IKubernetesObject? old = null) => [];

    /// <summary>How long a delete without a period waits for the object to end by itself; null for kinds deleted at once.</summary>
    public virtual long? DefaultGracePeriodSeconds(IKubernetesObject deleted) => null;

    /// <summary>How long a delete with the period <paramref name="requested"/> waits; null for kinds deleted at once.</summary>
    public virtual long? GracePeriodSeconds(IKubernetesObject deleted, long? requested) => null;

    private static void KeepSystemFields(IKubernetesObject updated, IKubernetesObject old)
    {
        var metadata = updated.Metadata;
        var stored = old.Metadata;
        if (string.IsNullOrEmpty(metadata.Uid))
            metadata.Uid = stored.Uid;
        metadata.CreationTimestamp ??= stored.CreationTimestamp;
        metadata.DeletionTimestamp ??= stored.DeletionTimestamp;
        metadata.DeletionGracePeriodSeconds ??= stored.DeletionGracePeriodSeconds;
        metadata.Generation = stored.Generation;
        metadata.SelfLink = null;
    }

    /// <summary>Times of objects have whole seconds.</summary>
    internal static DateTimeOffset WholeSeconds(DateTimeOffset time) =>
        new(time.UtcTicks - time.UtcTicks % TimeSpan.TicksPerSecond, TimeSpan.Zero);
}
