using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Processes;

/// <summary>A member is asked to end, as for an upgrade, and started again.</summary>
internal sealed class GracefulRestart(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "restart";

    private readonly RigMember _member = context.AnyMember();
    private bool _hasEnded;

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [_member];

    public override IEnumerable<string> Claims => [Claim.Process(_member)];

    public override TimeSpan Length { get; } = context.Between(.1, 4);

    public override async Task InjectAsync(CancellationToken cancellationToken) => _hasEnded = await _member.TerminateAsync();

    public override async Task<Effect> HealAsync()
    {
        await _member.StartAsync();
        return new Effect(_hasEnded, _hasEnded ? $"ended with exit code {_member.LastExitCode}" : "had to be killed");
    }
}
