using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>Each member sees a majority, and each another one; of three, each hears only one of the others.</summary>
internal sealed class RingPartition(FaultContext context) : LossFault(context, RingPartition.Kind)
{
    public const string Kind = "ring";

    public override IEnumerable<string> Claims => [Claim.Partition];

    protected override IEnumerable<DropRule> Draw()
    {
        var members = Context.Shuffled();
        int count = members.Count;
        if (count == 3)
            return members.Select((member, i) => new DropRule(member.PeerPort, members[(i + 1) % count].PeerPort));
        // Neighbours on both sides stay.
        return members.SelectMany(
            (member, i) => Enumerable.Range(2, count - 3).SelectMany(step => Cut(member, members[(i + step) % count])));
    }
}
