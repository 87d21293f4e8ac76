using KvStore.Raft;
using KvStore.Server.Members;

namespace KvStore.Simulation.Members;

/// <summary>Knows what must never happen between members (thesis, figure 3.2), and what each has promised to the others.</summary>
internal sealed class SafetyChecker
{
    private readonly Dictionary<ulong, NodeId> _leaders = [];

    /// <summary>Those in which somebody campaigned, and those of the first start.</summary>
    private readonly HashSet<ulong> _terms = [0, 1];
    private readonly Dictionary<(NodeId Voter, ulong Term), NodeId> _votes = [];
    private readonly Dictionary<NodeId, (ulong Term, NodeId Vote, ulong Index)> _promises = [];
    private readonly List<(ulong Term, TimeSpan At)> _elections = [];

    /// <summary>What a member tells another is durable: a vote, or that it has entries.</summary>
    public void Sent(SimulatedMember from, Message message)
    {
        if (message.Type == MessageType.Vote)
            _terms.Add(message.Term);
        if (message.Reject || message.Type is not (MessageType.VoteResp or MessageType.AppResp))
            return;
        var promise = _promises.GetValueOrDefault(from.Id);
        if (message.Term > promise.Term)
            promise = (message.Term, NodeId.None, 0);
        Check.Holds(message.Term == promise.Term, $"member {from.Number} answers in term {message.Term} after term {promise.Term}");
        if (message.Type == MessageType.VoteResp)
            promise.Vote = Voted(from, message);
        else
            promise.Index = Math.Max(promise.Index, message.Index);
        _promises[from.Id] = promise;
    }

    /// <summary>A member starts again with what is on its disk.</summary>
    public void Starts(SimulatedMember member, HardState found, ulong lastIndex)
    {
        var (term, vote, index) = _promises.GetValueOrDefault(member.Id);
        Check.Holds(found.Term >= term, $"member {member.Number} starts in term {found.Term} after it answered in term {term}");
        if (found.Term != term)
            return;
        Check.Holds(vote == NodeId.None || found.Vote == vote, $"member {member.Number} forgot its vote for {vote} in term {term}");
        Check.Holds(lastIndex >= index, $"the log of member {member.Number} ends at {lastIndex}, but it acknowledged {index} in term {term}");
    }

    /// <summary>One leader in each term; and within a life, terms and the commit index never go back.</summary>
    public void Sees(SimulatedMember member, LeaderStatus? before, LeaderStatus now)
    {
        if (now.Role is Role.Candidate or Role.Leader)
            _terms.Add(now.Term);
        Check.Holds(_terms.Contains(now.Term), $"member {member.Number} is in term {now.Term}, in which nobody has campaigned");
        // It has its own vote for that.
        if (now.Role == Role.Leader && now.Term > _promises.GetValueOrDefault(member.Id).Term)
            _promises[member.Id] = (now.Term, member.Id, 0);
        if (now.Leader != NodeId.None)
            Leads(now.Leader, now.Term, $"member {member.Number} sees");
        Check.Holds(now.Role != Role.Leader || before?.Role == Role.Leader || !member.Member!.State.Members.IsRemoved(member.Id.Value),
            $"member {member.Number} leads from term {now.Term} on, though it knows that it was removed");
        if (before is null)
            return;
        Check.Holds(now.Term >= before.Term, $"member {member.Number} went back from term {before.Term} to {now.Term}");
        Check.Holds(now.CommitIndex >= before.CommitIndex, $"member {member.Number} took its commit index back from {before.CommitIndex} to {now.CommitIndex}");
        Check.Holds(now.Role != Role.Leader || now.Leader == member.Id, $"member {member.Number} leads and takes {now.Leader} for the leader");
    }

    /// <summary>Somebody has come to lead.</summary>
    public void Elected(ulong term, TimeSpan at) => _elections.Add((term, at));

    /// <summary>A leader that has a successor promises nothing any more: that one would not keep it.</summary>
    public void Renews(SimulatedMember leader, TimeSpan askedAt)
    {
        // One that has stopped leading since may have done so right behind its promise.
        if (leader.Member?.Leadership is not { Role: Role.Leader } status)
            return;
        foreach (var (term, at) in _elections)
            Check.Holds(term <= status.Term || at >= askedAt, $"member {leader.Number} renews a lease in term {status.Term} at {askedAt}, but term {term} began at {at}");
    }

    private void Leads(NodeId leader, ulong term, string who)
    {
        if (!_leaders.TryAdd(term, leader))
            Check.Holds(_leaders[term] == leader, $"{who} {leader} lead in term {term}, where {_leaders[term]} led already");
    }

    private NodeId Voted(SimulatedMember from, Message message)
    {
        if (!_votes.TryAdd((from.Id, message.Term), message.To))
            Check.Holds(_votes[(from.Id, message.Term)] == message.To, $"member {from.Number} voted twice in term {message.Term}");
        return message.To;
    }
}
