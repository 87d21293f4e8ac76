using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>A leader that hears no majority stops (thesis §6.2).</summary>
internal sealed class LeaderLeaseRule(SimulatedCluster cluster) : IProtocolRule
{
    /// <summary>Two checks of the quorum of the slowest clock, and some.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Dictionary<(NodeId Leader, NodeId From), TimeSpan> _lastArrivals = [];

    public void Arrived(SimulatedMember from, SimulatedMember to, Message message) => _lastArrivals[(to.Id, from.Id)] = cluster.Time.Now;

    /// <summary>To be asked now and then.</summary>
    public void CheckLeaders()
    {
        // Who the voters are is known for certain only where that does not change.
        if (cluster.Plan.MemberChangeWeight > 0)
            return;
        // Being asked for another leader starts the election timeout anew, after which the quorum is looked at.
        if (cluster.Rules.Transfers.LastAsked > cluster.Time.Now - Patience)
            return;
        foreach (var leader in cluster.Members.Where(member => member.IsServing && member.Member!.IsLeader))
        {
            var since = cluster.Time.Now - Patience;
            if (leader.LeadsSince > since || leader.Process!.PausedUntil > since)
                continue;
            int heard = 1 + cluster.Members.Count(other => other != leader && _lastArrivals.GetValueOrDefault((leader.Id, other.Id)) > since);
            Check.Holds(heard > cluster.Members.Count / 2, $"member {leader.Number} leads on though it has heard of {heard} members only for {Patience}");
        }
    }
}
