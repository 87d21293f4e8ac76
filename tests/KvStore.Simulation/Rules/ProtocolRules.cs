using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>All rules of the messages, as one.</summary>
internal sealed class ProtocolRules : IProtocolRule
{
    private readonly IProtocolRule[] _rules;

    public ProtocolRules(SimulatedCluster cluster)
    {
        Leases = new LeaderLeaseRule(cluster);
        Transfers = new TransferRule(cluster);
        Changes = new MembershipRule(cluster.Plan.MemberCount);
        _rules = [Leases, new ProbeRule(), new SnapshotRule(cluster), Transfers, Changes, new LeaseRule()];
    }

    public LeaderLeaseRule Leases { get; }

    public TransferRule Transfers { get; }

    public MembershipRule Changes { get; }

    public void Sent(SimulatedMember from, Message message)
    {
        from.Watch!.Sent(message);
        foreach (var rule in _rules)
            rule.Sent(from, message);
    }

    public void Arrived(SimulatedMember from, SimulatedMember to, Message message)
    {
        foreach (var rule in _rules)
            rule.Arrived(from, to, message);
    }

    public void Stepped(SimulatedMember member)
    {
        foreach (var rule in _rules)
            rule.Stepped(member);
    }

    public void Reported(SimulatedMember to, NodeId about)
    {
        foreach (var rule in _rules)
            rule.Reported(to, about);
    }
}
