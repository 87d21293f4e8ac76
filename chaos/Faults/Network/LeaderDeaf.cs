using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>The leader does not hear its peers, and they hear it.</summary>
internal sealed class LeaderDeaf(FaultContext context) : GroupCut(context, LeaderDeaf.Kind)
{
    public const string Kind = "leader-deaf";

    protected override IReadOnlyList<RigMember> DrawGroup() => [Context.Observer.Leader ?? Context.AnyMember()];

    protected override IEnumerable<DropRule> Draw() => Rest.Select(member => new DropRule(member.PeerPort, Group[0].PeerPort));
}
