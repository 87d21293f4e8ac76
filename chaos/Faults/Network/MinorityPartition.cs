using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>A minority alone, also for its clients.</summary>
internal sealed class MinorityPartition(FaultContext context) : LossFault(context, MinorityPartition.Kind)
{
    public const string Kind = "minority";

    public override IEnumerable<string> Claims => [Claim.Partition];

    protected override IEnumerable<DropRule> Draw()
    {
        var members = Context.Shuffled();
        int size = Context.Random.Next(1, Context.MinorityCount + 1);
        RigMember[] minority = [.. members.Take(size)];
        return [.. Cut(minority, [.. members.Skip(size)]), .. minority.SelectMany(CutClients)];
    }
}
