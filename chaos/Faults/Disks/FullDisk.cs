using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Disks;

/// <summary>A member's disk has no space left; when there is some again, the operator ends the alarm.</summary>
internal sealed class FullDisk(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "disk-full";

    private readonly RigMember _member = context.AnyMember();
    private readonly long _leaveBytes = context.Random.Next(3) * 300_000L;

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [_member];

    public override string Detail => $"{_leaveBytes} bytes left";

    public override IEnumerable<string> Claims => [Claim.Disk(_member)];

    public override TimeSpan Length { get; } = context.Between(3, 12);

    public override Task InjectAsync(CancellationToken cancellationToken)
    {
        _member.MayEnd = true;
        _member.Disk.Fill(_leaveBytes);
        return Task.CompletedTask;
    }

    public override async Task<Effect> HealAsync()
    {
        long left = _member.Disk.FreeBytes;
        await _member.Disk.GiveSpaceBackAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            await Context.Operator.DisarmAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Context.Rig.Recorder.Note("the alarm could not be ended while other faults last", _member.Name);
        }
        _member.MayEnd = false;
        return new Effect(left < 8 << 20, $"{left} bytes were left at the end");
    }
}
