using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>A minority alone, also for its clients.</summary>
internal sealed class MinorityPartition(FaultContext context) : GroupCut(context, MinorityPartition.Kind)
{
    public const string Kind = "minority";

    protected override IReadOnlyList<RigMember> DrawGroup() =>
        [.. Context.Shuffled().Take(Context.Random.Next(1, Context.MinorityCount + 1))];

    protected override IEnumerable<DropRule> Draw() => [.. Cut(Group, Rest), .. Group.SelectMany(CutClients)];
}
