using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults;

/// <summary>One misfortune: chosen when it is made, done by <see cref="InjectAsync"/>, undone by
/// <see cref="HealAsync"/>.</summary>
/// <remarks>
/// A further kind is a class like those beside this one, and a line in <see cref="FaultCatalogue"/>. What it draws, it draws from
/// a source of its own, so that the n-th fault of a kind is the same whatever the cluster does meanwhile; only who leads, and how
/// far the store is, are looked up.
/// </remarks>
internal abstract class Fault(FaultContext context, string name)
{
    public int Id { get; } = context.FaultId;

    public string Name => name;

    /// <summary>Members, or links between them.</summary>
    public abstract IReadOnlyList<string> Targets { get; }

    /// <summary>What makes it one of its kind.</summary>
    public virtual string Detail => "";

    /// <summary>What no two faults at a time may play with; see <see cref="Claim"/>.</summary>
    public virtual IEnumerable<string> Claims => [];

    /// <summary>Members that a majority can hardly count on meanwhile.</summary>
    public virtual IReadOnlyList<RigMember> Disrupts => [];

    /// <summary>From injection to healing, unless the storm ends before.</summary>
    public virtual TimeSpan Length { get; } = context.Between(1, 10);

    protected FaultContext Context => context;

    public abstract Task InjectAsync(CancellationToken cancellationToken);

    /// <summary>Puts everything back as it was.</summary>
    public abstract Task<Effect> HealAsync();
}
