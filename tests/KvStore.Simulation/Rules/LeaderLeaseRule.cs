using KvStore.Raft;
using KvStore.Simulation.Members;
using KvStore.Simulation.Scheduling;

namespace KvStore.Simulation.Rules;

/// <summary>Whoever hears a leader says no to everybody else, and a leader that hears no majority stops (thesis §6.2).</summary>
internal sealed class LeaderLeaseRule(SimulatedCluster cluster) : IProtocolRule
{
    /// <summary>Well within an election timeout of the fastest clock.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMilliseconds(500);

    /// <summary>Two checks of the quorum of the slowest clock, and some.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Dictionary<NodeId, Heard> _heard = [];
    private readonly Dictionary<NodeId, ulong> _termsToCome = [];
    private readonly Dictionary<(NodeId Voter, NodeId Candidate, MessageType Type, ulong Term), bool> _mayGrant = [];
    private readonly Dictionary<(NodeId Leader, NodeId From), TimeSpan> _lastArrivals = [];

    public void Arrived(SimulatedMember from, SimulatedMember to, Message message)
    {
        _lastArrivals[(to.Id, from.Id)] = cluster.Time.Now;
        ulong term = Math.Max(to.Member!.Leadership.Term, _termsToCome.GetValueOrDefault(to.Id));
        if (message.Type is MessageType.PreVote or MessageType.Vote)
            Ask(to, message);
        else if (message.Type == MessageType.TimeoutNow)
            _termsToCome[to.Id] = term + 1;
        else if (message.Term > term && message.Type != MessageType.PreVote && !(message.Type == MessageType.PreVoteResp && !message.Reject))
            _termsToCome[to.Id] = message.Term;
        else if (message.Type is MessageType.App or MessageType.Heartbeat && message.Term == term && to.Member.Leadership.Leader == from.Id)
            _heard[to.Id] = new Heard(to.Process!, term, cluster.Time.Now);
    }

    public void Sent(SimulatedMember from, Message message)
    {
        if (message.Reject || message.Type is not (MessageType.PreVoteResp or MessageType.VoteResp))
            return;
        var request = message.Type == MessageType.PreVoteResp ? MessageType.PreVote : MessageType.Vote;
        Check.Holds(_mayGrant.GetValueOrDefault((from.Id, message.To, request, message.Term), true),
            $"member {from.Number} hears a leader, and says yes to a {request} of {message.To} for term {message.Term}");
    }

    /// <summary>To be asked now and then.</summary>
    public void CheckLeaders()
    {
        // Who the voters are is known for certain only where that does not change.
        if (cluster.Plan.MemberChangeWeight > 0)
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

    private void Ask(SimulatedMember voter, Message request)
    {
        ulong term = Math.Max(voter.Member!.Leadership.Term, _termsToCome.GetValueOrDefault(voter.Id));
        // A term that is not behind the voter's is none of the lease's business, and a transfer (the context) overrides it.
        bool hears = request.Term > term && request.Context.IsEmpty
            && _heard.TryGetValue(voter.Id, out var heard) && heard.Process == voter.Process && heard.Term == term
            && cluster.Time.Now - heard.At < Lease;
        var key = (voter.Id, request.From, request.Type, request.Term);
        // One that came earlier, outside of the lease, may still wait for the disk with its yes.
        _mayGrant[key] = !hears || _mayGrant.GetValueOrDefault(key);
        if (!hears && request.Type == MessageType.Vote && request.Term > term)
            _termsToCome[voter.Id] = request.Term;
    }

    private readonly record struct Heard(SimulatedProcess Process, ulong Term, TimeSpan At);
}
