using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>The connections that a member has with its peers at this moment fall silent for long, without a reset; new ones
/// work.</summary>
internal sealed class Stall(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "stall";

    private readonly RigMember _member = context.AnyMember();

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [_member];

    public override TimeSpan Length { get; } = context.Between(8, 30);

    public override async Task InjectAsync(CancellationToken cancellationToken)
    {
        string ports = string.Join(", ", await OpenPortsAsync());
        var rules = new List<DropRule>();
        if (ports.Length > 0)
        {
            foreach (var other in Context.Members.Where(other => other != _member))
            {
                rules.Add(new DropRule(_member.PeerPort, other.PeerPort, Match: $"tcp sport {{ {ports} }}"));
                rules.Add(new DropRule(_member.PeerPort, other.PeerPort, Match: $"tcp dport {{ {ports} }}"));
                rules.Add(new DropRule(other.PeerPort, _member.PeerPort, Match: $"tcp sport {{ {ports} }}"));
                rules.Add(new DropRule(other.PeerPort, _member.PeerPort, Match: $"tcp dport {{ {ports} }}"));
            }
        }
        await Context.Network.AddRulesAsync(Id, rules);
    }

    public override async Task<Effect> HealAsync()
    {
        long lost = await Context.Network.RemoveRulesAsync(Id);
        return new Effect(lost > 0, $"{lost} frames of open connections lost");
    }

    // One end of a connection between peers is the port that all listen on, the other belongs to nobody else.
    private async Task<IEnumerable<int>> OpenPortsAsync()
    {
        string table = await _member.RunInNamespaceAsync("cat", "/proc/net/tcp");
        const string Established = "01";
        const int PeerPort = 2380;
        return table.Split('\n').Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields.Length > 3 && fields[3] == Established)
            .Select(fields => (Local: PortOf(fields[1]), Remote: PortOf(fields[2])))
            .Where(ports => ports.Local == PeerPort || ports.Remote == PeerPort)
            .Select(ports => ports.Local == PeerPort ? ports.Remote : ports.Local).Distinct();
    }

    private static int PortOf(string address) => Convert.ToInt32(address[(address.IndexOf(':') + 1)..], 16);
}
