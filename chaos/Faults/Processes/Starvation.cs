using System.Globalization;
using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Processes;

/// <summary>A process gets only a small part of a processor.</summary>
internal sealed class Starvation(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "cpu";

    private readonly RigMember _member = context.AnyMember();
    private readonly double _share = .03 + (context.Random.NextDouble() * .2);
    private long _before;

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [_member];

    public override string Detail => _share.ToString("P0", CultureInfo.InvariantCulture);

    public override IEnumerable<string> Claims => [Claim.Processor(_member)];

    public override Task InjectAsync(CancellationToken cancellationToken)
    {
        _before = _member.Cgroup.ThrottledCount;
        _member.Cgroup.LimitProcessor(_share);
        return Task.CompletedTask;
    }

    public override Task<Effect> HealAsync()
    {
        _member.Cgroup.LimitProcessor(null);
        long throttled = _member.Cgroup.ThrottledCount - _before;
        return Task.FromResult(new Effect(throttled > 0, $"held back in {throttled} periods of 100 ms"));
    }
}
