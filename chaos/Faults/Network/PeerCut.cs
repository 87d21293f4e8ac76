using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>A member sees no peer; clients reach it and it has them wait.</summary>
internal sealed class PeerCut(FaultContext context) : LossFault(context, PeerCut.Kind)
{
    public const string Kind = "peer-cut";

    public override IEnumerable<string> Claims => [Claim.Partition];

    protected override IEnumerable<DropRule> Draw()
    {
        var alone = Context.AnyMember();
        return Cut([alone], [.. Context.Members.Where(member => member != alone)]);
    }
}
