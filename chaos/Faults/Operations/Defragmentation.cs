using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Operations;

/// <summary>A member is told to give free space back.</summary>
internal sealed class Defragmentation(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "defrag";

    private readonly RigMember _member = context.AnyMember();
    private bool _isDone;

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override TimeSpan Length => TimeSpan.Zero;

    public override async Task InjectAsync(CancellationToken cancellationToken) =>
        _isDone = await Context.Operator.DefragmentAsync(_member, cancellationToken);

    public override Task<Effect> HealAsync() => Task.FromResult(new Effect(_isDone, _isDone ? "done" : "not done"));
}
