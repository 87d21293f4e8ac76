using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>Two groups and one member that sees both.</summary>
internal sealed class BridgePartition(FaultContext context) : GroupCut(context, BridgePartition.Kind)
{
    public const string Kind = "bridge";

    protected override IReadOnlyList<RigMember> DrawGroup() => [.. Context.Shuffled().Take((Context.Members.Count - 1) / 2)];

    protected override IEnumerable<DropRule> Draw() => Cut(Group, [.. Rest.Skip(1)]);
}
