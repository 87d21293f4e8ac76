using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults;

/// <summary>What faults work on, and where their choices come from.</summary>
internal sealed class FaultContext(ClusterRig rig, Observer observer, Operator @operator, Random random, int fault = 0)
{

    public ClusterRig Rig => rig;

    public RigNetwork Network => rig.Network;

    public Observer Observer => observer;

    public Operator Operator => @operator;

    public Random Random => random;

    public IReadOnlyList<RigMember> Members => rig.Members;

    /// <summary>How many may be lost while the rest is a majority.</summary>
    public int MinorityCount => (Members.Count - 1) / 2;

    /// <summary>The number of the fault that is to be made.</summary>
    public int FaultId => fault;

    /// <summary>For one fault, whose choices shall not depend on those before it.</summary>
    public FaultContext For(int id, Random choices) => new(rig, observer, @operator, choices, id);

    public RigMember AnyMember() => Members[random.Next(Members.Count)];

    /// <summary>Some of them in random order.</summary>
    public IReadOnlyList<RigMember> Shuffled()
    {
        var members = Members.ToArray();
        random.Shuffle(members);
        return members;
    }

    /// <summary>A few more often than many.</summary>
    public TimeSpan Between(double minSeconds, double maxSeconds) =>
        TimeSpan.FromSeconds(minSeconds + ((maxSeconds - minSeconds) * random.NextDouble() * random.NextDouble()));
}
