using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Disks;

/// <summary>The power of one, many or all members fails: what is not on their disks by then is lost, and the processes are
/// gone.</summary>
internal sealed class PowerCut : Fault
{
    public const string OneKind = "power", ManyKind = "power-many", AllKind = "power-all";

    private readonly IReadOnlyList<RigMember> _members;
    private int _cut;

    private PowerCut(FaultContext context, string name, IReadOnlyList<RigMember> members) : base(context, name)
    {
        _members = members;
        Length = context.Between(.1, 8);
    }

    public override IReadOnlyList<string> Targets => [.. _members.Select(member => member.Name)];

    public override IReadOnlyList<RigMember> Disrupts => _members;

    public override IEnumerable<string> Claims =>
        _members.SelectMany(member => new[] { Claim.Process(member), Claim.Disk(member) });

    public override TimeSpan Length { get; }

    public static PowerCut One(FaultContext context) => new(context, OneKind, [context.AnyMember()]);

    public static PowerCut Many(FaultContext context) =>
        new(context, ManyKind, [.. context.Shuffled().Take(context.Random.Next(2, context.Members.Count))]);

    public static PowerCut All(FaultContext context) => new(context, AllKind, context.Members);

    public override async Task InjectAsync(CancellationToken cancellationToken)
    {
        // The disks first, all within a moment: a process that still runs then gets errors and can promise nothing.
        foreach (var member in _members)
        {
            member.MayEnd = true;
            member.Disk.CutPower();
            _cut++;
        }
        await Task.WhenAll(_members.Select(member => member.KillAsync("power cut")));
        foreach (var member in _members)
            await member.Disk.RestartAsync();
    }

    public override async Task<Effect> HealAsync()
    {
        foreach (var member in _members)
        {
            await member.StartAsync();
            member.MayEnd = false;
        }
        return new Effect(_cut == _members.Count, $"{_cut} file systems shut down without their journal and mounted anew");
    }
}
