using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Operations;

/// <summary>A healthy member is taken out of the cluster for a while and comes back as a new one: a learner first, then a
/// voter.</summary>
internal sealed class Replacement(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "replace";

    private static readonly TimeSpan RemovalLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ReplacementLimit = TimeSpan.FromSeconds(120);

    private readonly RigMember _member = context.AnyMember();
    private readonly bool _isRemovedAlive = context.Random.Next(2) == 0;
    private bool _wasRemoved;

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [_member];

    public override string Detail => _isRemovedAlive ? "removed while it runs" : "removed after its end";

    public override IEnumerable<string> Claims => [Claim.Process(_member), Claim.Disk(_member), Claim.Damage, Claim.Membership];

    public override TimeSpan Length { get; } = context.Between(2, 10);

    public override async Task InjectAsync(CancellationToken cancellationToken)
    {
        // Who is removed ends by itself.
        _member.MayEnd = true;
        _member.IsDamaged = true;
        if (!_isRemovedAlive)
            await _member.TerminateAsync();
        using var limit = new CancellationTokenSource(RemovalLimit);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await Context.Operator.RemoveAsync(_member, either.Token);
            _wasRemoved = true;
        }
        catch (OperationCanceledException)
        {
            // Not possible beside the other faults: healing does it.
        }
    }

    public override async Task<Effect> HealAsync()
    {
        await _member.KillAsync("the operator takes it down");
        await Context.Operator.ReplaceAsync(_member, ReplacementLimit, CancellationToken.None);
        _member.MayEnd = false;
        return new Effect(true, $"removed {(_wasRemoved ? "at once" : "when that was possible")}, added as a learner, promoted");
    }
}
