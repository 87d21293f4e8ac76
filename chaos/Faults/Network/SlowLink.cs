using System.Globalization;
using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>What a member gets from its peers comes at the pace of an old modem.</summary>
internal sealed class SlowLink(FaultContext context) : Fault(context, Kind)
{
    public const string Kind = "slow-link";

    private readonly RigMember _member = context.AnyMember();
    private readonly int _kilobits = context.Random.Next(50, 800);

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [_member];

    public override string Detail => string.Create(CultureInfo.InvariantCulture, $"{_kilobits} kbit/s");

    public override IEnumerable<string> Claims => [Claim.Link(_member)];

    public override Task InjectAsync(CancellationToken cancellationToken) => Shell.RunAsync("tc",
        "qdisc", "add", "dev", _member.PeerPort, "root", "tbf", "rate", $"{_kilobits}kbit", "burst", "16kb", "latency", "800ms");

    public override async Task<Effect> HealAsync()
    {
        string statistics = await Shell.RunAsync("tc", "-s", "qdisc", "show", "dev", _member.PeerPort);
        await Shell.RunAsync("tc", "qdisc", "del", "dev", _member.PeerPort, "root");
        // "Sent 12 bytes 3 pkt (dropped 0, overlimits 5 requeues 0)": each time over the limit, a frame had to wait.
        int at = statistics.IndexOf("overlimits ", StringComparison.Ordinal);
        string waits = at < 0 ? "0" : statistics[(at + "overlimits ".Length)..].Split(' ')[0];
        return new Effect(waits != "0", $"frames had to wait {waits} times");
    }
}
