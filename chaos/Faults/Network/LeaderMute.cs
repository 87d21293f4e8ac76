using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>The leader hears its peers, and they do not hear it.</summary>
internal sealed class LeaderMute(FaultContext context) : LossFault(context, LeaderMute.Kind)
{
    public const string Kind = "leader-mute";

    public override IEnumerable<string> Claims => [Claim.Partition];

    protected override IEnumerable<DropRule> Draw()
    {
        var leader = Context.Observer.Leader ?? Context.AnyMember();
        return Context.Members.Where(member => member != leader).Select(member => new DropRule(leader.PeerPort, member.PeerPort));
    }
}
