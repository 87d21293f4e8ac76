using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>The leader hears its peers, and they do not hear it.</summary>
internal sealed class LeaderMute(FaultContext context) : GroupCut(context, LeaderMute.Kind)
{
    public const string Kind = "leader-mute";

    protected override IReadOnlyList<RigMember> DrawGroup() => [Context.Observer.Leader ?? Context.AnyMember()];

    protected override IEnumerable<DropRule> Draw() => Rest.Select(member => new DropRule(Group[0].PeerPort, member.PeerPort));
}
