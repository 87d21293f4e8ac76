using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Processes;

/// <summary>A process is held and goes on later, as if no time had passed.</summary>
internal sealed class Pause : Fault
{
    public const string Kind = "pause";

    private readonly RigMember _member;
    private bool _wasHeld;

    public Pause(FaultContext context) : base(context, Kind)
    {
        bool prefersLeader = context.Random.Next(2) == 0;
        var any = context.AnyMember();
        _member = prefersLeader ? context.Observer.Leader ?? any : any;
        Length = context.Between(.1, 15);
    }

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [_member];

    public override IEnumerable<string> Claims => [Claim.Process(_member)];

    public override TimeSpan Length { get; }

    public override Task InjectAsync(CancellationToken cancellationToken)
    {
        _member.Pause();
        return Task.CompletedTask;
    }

    public override Task<Effect> HealAsync()
    {
        char state = ProcessIdentity.StateOf(_member.ProcessId);
        _wasHeld = state == 'T';
        _member.Resume();
        return Task.FromResult(new Effect(_wasHeld, $"the process was in state {state}"));
    }
}
