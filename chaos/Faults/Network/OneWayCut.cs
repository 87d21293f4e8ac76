using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>What one member sends to another is lost; the other way is open.</summary>
internal sealed class OneWayCut(FaultContext context) : LossFault(context, OneWayCut.Kind)
{
    public const string Kind = "one-way";

    public override IEnumerable<string> Claims => [];

    protected override IEnumerable<DropRule> Draw()
    {
        var members = Context.Shuffled();
        return [new DropRule(members[0].PeerPort, members[1].PeerPort)];
    }
}
