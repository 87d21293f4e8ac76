using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>Two groups, about as large, that do not see each other. Clients reach both.</summary>
internal sealed class HalvesPartition(FaultContext context) : LossFault(context, HalvesPartition.Kind)
{
    public const string Kind = "halves";

    public override IEnumerable<string> Claims => [Claim.Partition];

    protected override IEnumerable<DropRule> Draw()
    {
        var members = Context.Shuffled();
        int size = members.Count / 2;
        return Cut([.. members.Take(size)], [.. members.Skip(size)]);
    }
}
