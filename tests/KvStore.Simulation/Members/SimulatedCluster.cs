using KvStore.Raft;
using KvStore.Simulation.Faults;
using KvStore.Simulation.Histories;
using KvStore.Simulation.Network;
using KvStore.Simulation.Rules;
using KvStore.Simulation.Scheduling;
using KvStore.Storage.Disks.Simulated;

namespace KvStore.Simulation.Members;

/// <summary>The simulated world: members, the network between them, one clock, one seed, and the history they share.</summary>
internal sealed class SimulatedCluster
{
    private readonly List<SimulatedMember> _members = [];
    private readonly List<SimulatedParts> _unused = [];
    private Exception? _failure;

    public SimulatedCluster(SimulationPlan plan, TextWriter? text)
    {
        Plan = plan;
        Trace = new Trace(text, Time);
        Random = new Random(plan.Seed);
        Faults = new SeededRandom(unchecked((ulong)plan.Seed * 7919));
        History = new AppliedHistory(Trace, plan.ClockDrift / 1000.0);
        Network = new SimulatedNetwork(this);
        Misfortunes = new Misfortunes(this);
        Operator = new ClusterOperator(this);
        Rules = new ProtocolRules(this);
        for (int number = 1; number <= plan.MemberCount; number++)
            _members.Add(new SimulatedMember(this, number, joined: null));
        FirstMembers = [.. _members.Select(member => member.Description)];
        if (plan.CrashAtOperation > 0)
            _members[0].CrashInDisk((int)plan.CrashAtOperation);
    }

    public SimulationPlan Plan { get; }

    public Trace Trace { get; }

    /// <summary>Decides the order of things and what is asked.</summary>
    public Random Random { get; }

    /// <summary>Decides what goes wrong.</summary>
    public SeededRandom Faults { get; }

    public VirtualTime Time { get; } = new();

    public AppliedHistory History { get; }

    public SafetyChecker Checker { get; } = new();

    public ProtocolRules Rules { get; }

    public SimulatedNetwork Network { get; }

    public Misfortunes Misfortunes { get; }

    public ClusterOperator Operator { get; }

    public SimulationCounts Counts { get; } = new();

    /// <summary>No faults any more, and nothing new is asked.</summary>
    public bool IsCalm { get; private set; }

    public IReadOnlyList<SimulatedMember> Members => _members;

    public IReadOnlyList<Protocol.Member> FirstMembers { get; }

    /// <summary>The member that leads, as it says itself, with the highest term.</summary>
    public SimulatedMember? Leader => _members.Where(member => member.IsUp && member.Member!.IsLeader).MaxBy(member => member.Member!.Leadership.Term);

    public void Start()
    {
        foreach (var member in _members)
            member.Start();
    }

    /// <summary>One more, which joins.</summary>
    public SimulatedMember AddMember()
    {
        SimulatedMember added = null!;
        added = new SimulatedMember(this, _members.Count + 1, () => MembersKnown(added));
        _members.Add(added);
        return added;
    }

    public SimulatedMember? Find(NodeId id) => _members.Find(member => member.Id == id);

    /// <summary>Those that the cluster consists of, as its leader says; all while nobody leads.</summary>
    public List<SimulatedMember> Belonging()
    {
        var leader = Leader;
        return _members.FindAll(member => !member.IsAway && (leader is null || leader.Member!.State.Members.Find(member.Id.Value) is not null));
    }

    /// <summary>A member that a client gets through to, by chance; once all is calm, one that belongs to the cluster.</summary>
    public SimulatedMember? PickServing()
    {
        var serving = (IsCalm ? Belonging() : _members).FindAll(member => member.IsServing);
        return serving.Count == 0 ? null : serving[Random.Next(serving.Count)];
    }

    /// <summary>Who was removed and keeps silent hears of it when it connects anew.</summary>
    public void TellRemoved()
    {
        foreach (var member in _members.Where(member => member.IsServing).ToList())
        {
            if (_members.Exists(other => other.IsServing && !Network.IsCut(other.Id, member.Id) && other.Member!.State.Members.IsRemoved(member.Id.Value)))
                member.NoteRemoved();
        }
    }

    /// <summary>Runs a client, an operator or the like; its failure is the run's.</summary>
    public async Task GuardAsync(Task actor)
    {
        try
        {
            await actor;
        }
        catch (Exception failure)
        {
            Fail(failure);
        }
    }

    public void Fail(Exception failure) => _failure ??= failure;

    public void ThrowIfFailed()
    {
        if (_failure is not null)
            throw new SimulationFailedException(_failure.Message, _failure);
    }

    /// <summary>Everything that is wrong comes to an end, and all members start that still belong to the cluster.</summary>
    /// <param name="away">So many, by chance, do not come back until they are brought.</param>
    public void CalmDown(int away)
    {
        IsCalm = true;
        Network.Heal();
        for (; away > 0; away--)
        {
            var present = _members.FindAll(member => !member.IsAway);
            present[Faults.Next(present.Count)].GoAway();
        }
        foreach (var member in _members.ToList())
            member.Heal();
    }

    public void BringBack()
    {
        foreach (var member in _members.FindAll(member => member.IsAway))
            member.ComeBack();
    }

    /// <summary>What a process used goes once no step stands in it any more.</summary>
    public void Free(SimulatedParts parts) => _unused.Add(parts);

    public void FreeUnused()
    {
        foreach (var parts in _unused)
            parts.Free();
        _unused.Clear();
    }

    private List<Protocol.Member> MembersKnown(SimulatedMember joining)
    {
        var known = PickServing()?.Member!.State.Members.Members.ToList() ?? [.. FirstMembers];
        if (!known.Exists(member => member.ID == joining.Id.Value))
            known.Add(joining.Description);
        return known;
    }
}
