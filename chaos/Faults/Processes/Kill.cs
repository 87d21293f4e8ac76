using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Processes;

/// <summary>kill -9, of one or of several at once; started again when the fault is healed.</summary>
internal class Kill : Fault
{
    public const string OneKind = "kill", AllKind = "kill-all";

    private readonly IReadOnlyList<RigMember> _members;
    private int _killed;

    protected Kill(FaultContext context, string name, IReadOnlyList<RigMember> members) : base(context, name)
    {
        _members = members;
        Length = context.Between(.2, 12);
    }

    public override IReadOnlyList<string> Targets => [.. _members.Select(member => member.Name)];

    public override IReadOnlyList<RigMember> Disrupts => _members;

    public override IEnumerable<string> Claims => _members.Select(Claim.Process);

    public override TimeSpan Length { get; }

    public static Kill One(FaultContext context) => new(context, OneKind, [context.AnyMember()]);

    public static Kill All(FaultContext context) => new(context, AllKind, context.Members);

    public override async Task InjectAsync(CancellationToken cancellationToken)
    {
        _killed = _members.Count(member => member.IsRunning);
        await Task.WhenAll(_members.Select(member => member.KillAsync()));
    }

    public override async Task<Effect> HealAsync()
    {
        foreach (var member in _members)
            await member.StartAsync();
        return new Effect(_killed > 0, $"{_killed} processes ended by signal 9");
    }
}
