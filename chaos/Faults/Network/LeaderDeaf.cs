using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>The leader does not hear its peers, and they hear it.</summary>
internal sealed class LeaderDeaf(FaultContext context) : LossFault(context, LeaderDeaf.Kind)
{
    public const string Kind = "leader-deaf";

    public override IEnumerable<string> Claims => [Claim.Partition];

    protected override IEnumerable<DropRule> Draw()
    {
        var leader = Context.Observer.Leader ?? Context.AnyMember();
        return Context.Members.Where(member => member != leader).Select(member => new DropRule(member.PeerPort, leader.PeerPort));
    }
}
