using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Operations;

/// <summary>The leader is told to hand over to another member.</summary>
internal sealed class LeaderMove(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "move-leader";

    private readonly IReadOnlyList<RigMember> _order = context.Shuffled();
    private RigMember? _from, _to;
    private bool _isDone;

    public override IReadOnlyList<string> Targets => [_from?.Name ?? "", _to?.Name ?? ""];

    public override TimeSpan Length => TimeSpan.Zero;

    public override async Task InjectAsync(CancellationToken cancellationToken)
    {
        _from = Context.Observer.Leader;
        _to = _order.FirstOrDefault(member => member != _from && Context.Observer.ViewOf(member).IsAnswering);
        if (_from is not null && _to is not null)
            _isDone = await Context.Operator.MoveLeaderAsync(_from, _to, cancellationToken);
    }

    public override Task<Effect> HealAsync() => Task.FromResult(new Effect(_isDone, _isDone ? "the leader agreed" : "not done"));
}
