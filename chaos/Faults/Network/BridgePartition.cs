using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>Two groups and one member that sees both.</summary>
internal sealed class BridgePartition(FaultContext context) : LossFault(context, BridgePartition.Kind)
{
    public const string Kind = "bridge";

    public override IEnumerable<string> Claims => [Claim.Partition];

    protected override IEnumerable<DropRule> Draw()
    {
        var members = Context.Shuffled();
        int size = (members.Count - 1) / 2;
        return Cut([.. members.Take(size)], [.. members.Skip(size + 1)]);
    }
}
