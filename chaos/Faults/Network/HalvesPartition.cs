using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>Two groups, about as large, that do not see each other. Clients reach both.</summary>
internal sealed class HalvesPartition(FaultContext context) : GroupCut(context, HalvesPartition.Kind)
{
    public const string Kind = "halves";

    protected override IReadOnlyList<RigMember> DrawGroup() => [.. Context.Shuffled().Take(Context.Members.Count / 2)];

    protected override IEnumerable<DropRule> Draw() => Cut(Group, Rest);
}
