using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>A fault that consists of frames that the switch loses; how many, it counts.</summary>
internal abstract class LossFault(FaultContext context, string name) : Fault(context, name)
{
    private IReadOnlyList<DropRule> _rules = [];

    public override IReadOnlyList<string> Targets =>
        [.. Rules.Select(rule => $"{MemberOf(rule.From)}>{MemberOf(rule.To)}").Distinct()];

    protected IReadOnlyList<DropRule> Rules
    {
        get
        {
            if (_rules.Count == 0)
                _rules = [.. Draw()];
            return _rules;
        }
    }

    public override Task InjectAsync(CancellationToken cancellationToken) => Context.Network.AddRulesAsync(Id, Rules);

    public override async Task<Effect> HealAsync()
    {
        long lost = await Context.Network.RemoveRulesAsync(Id);
        return new Effect(lost > 0, $"{lost} frames lost");
    }

    /// <summary>Asked once.</summary>
    protected abstract IEnumerable<DropRule> Draw();

    /// <summary>Between two members' peer sides, both ways.</summary>
    protected static IEnumerable<DropRule> Cut(RigMember one, RigMember other) =>
        [new DropRule(one.PeerPort, other.PeerPort), new DropRule(other.PeerPort, one.PeerPort)];

    /// <summary>Between every two of different groups.</summary>
    protected static IEnumerable<DropRule> Cut(IReadOnlyList<RigMember> group, IReadOnlyList<RigMember> rest) =>
        group.SelectMany(one => rest.SelectMany(other => Cut(one, other)));

    /// <summary>Between a member and all clients.</summary>
    protected static IEnumerable<DropRule> CutClients(RigMember member) =>
    [
        new DropRule(member.ClientPort, RigNetwork.TrafficPort), new DropRule(RigNetwork.TrafficPort, member.ClientPort),
    ];

    private static string MemberOf(string port) => port == RigNetwork.TrafficPort ? "clients" : port[..^1];
}
