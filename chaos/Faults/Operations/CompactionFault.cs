using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Operations;

/// <summary>History is compacted up to a while ago: so far behind that watches of everything are not cut off by it, but those
/// that start in the past and reads of the past are.</summary>
internal sealed class CompactionFault(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "compact";

    private readonly RigMember _member = context.AnyMember();
    private readonly long _keep = context.Random.Next(800, 3000);
    private readonly bool _isPhysical = context.Random.Next(2) == 0;
    private long _revision;
    private bool _isDone;

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override TimeSpan Length => TimeSpan.Zero;

    public override async Task InjectAsync(CancellationToken cancellationToken)
    {
        long newest = Context.Observer.MaxRevision;
        _revision = newest - Math.Min(_keep, newest * 2 / 3);
        if (_revision > 0)
            _isDone = await Context.Operator.CompactAsync(_member, _revision, _isPhysical, cancellationToken);
    }

    public override Task<Effect> HealAsync() =>
        Task.FromResult(new Effect(_isDone, _isDone ? $"compacted up to {_revision}" : $"no compaction up to {_revision}"));
}
