using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>A cut that leaves some members without a majority.</summary>
internal abstract class GroupCut(FaultContext context, string name) : LossFault(context, name)
{
    private IReadOnlyList<RigMember>? _group;

    public override IReadOnlyList<RigMember> Disrupts => Group;

    public override IEnumerable<string> Claims => [Claim.Partition];

    /// <summary>Those members.</summary>
    protected IReadOnlyList<RigMember> Group => _group ??= DrawGroup();

    protected IReadOnlyList<RigMember> Rest => [.. Context.Members.Except(Group)];

    /// <summary>Asked once.</summary>
    protected abstract IReadOnlyList<RigMember> DrawGroup();
}
