using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>What one member sends to another is lost; the other way is open.</summary>
internal sealed class OneWayCut(FaultContext context) : GroupCut(context, OneWayCut.Kind)
{
    public const string Kind = "one-way";

    public override IEnumerable<string> Claims => [];

    protected override IReadOnlyList<RigMember> DrawGroup() => [Context.AnyMember()];

    protected override IEnumerable<DropRule> Draw() =>
        [new DropRule(Group[0].PeerPort, Rest[Context.Random.Next(Rest.Count)].PeerPort)];
}
