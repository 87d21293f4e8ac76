using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>A member sees no peer; clients reach it and it has them wait.</summary>
internal sealed class PeerCut(FaultContext context) : GroupCut(context, PeerCut.Kind)
{
    public const string Kind = "peer-cut";

    protected override IReadOnlyList<RigMember> DrawGroup() => [Context.AnyMember()];

    protected override IEnumerable<DropRule> Draw() => Cut(Group, Rest);
}
