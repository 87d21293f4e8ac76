using KvStore.Raft;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>Who gets a vote: the first candidate of the term whose log is not behind, be the voter a learner or not; and nobody
/// while a leader is heard (thesis §3.4, §3.6.1, §6.2).</summary>
internal sealed class VoteRule(int number)
{
    /// <summary>Less than an election timeout.</summary>
    private const int LeaseTicks = 9;

    private static readonly byte[] Forced = "CampaignTransfer"u8.ToArray();

    private int _ticksSinceHeard;

    public void Ticked(Consensus core) => _ticksSinceHeard = core.Role == Role.Leader ? 0 : _ticksSinceHeard + 1;

    /// <summary>Of the leader, or of a newer one.</summary>
    public void Hears() => _ticksSinceHeard = 0;

    public void Asked(Consensus core, CoreState before, Message request)
    {
        var answer = before.AnswerOf(core);
        bool isForced = request.Context.Span.SequenceEqual(Forced);
        bool hears = before.Soft.Leader != NodeId.None && request.Term > before.Hard.Term && !isForced;
        if (answer is null)
        {
            Check.Holds(hears && core.HardState == before.Hard, $"member {number} leaves a {request.Type} of {request.From} for term {request.Term} unanswered");
            return;
        }
        Check.Holds(!hears || _ticksSinceHeard >= LeaseTicks, $"member {number} hears {before.Soft.Leader}, and answers a {request.Type} of {request.From}");
        bool isPreVote = request.Type == MessageType.PreVote;
        Check.Holds(!isPreVote || core.HardState == before.Hard, $"member {number} is changed by being asked whether it would vote");
        bool isFree = request.Term > before.Hard.Term || before.Hard.Vote == request.From
            || before.Hard.Vote == NodeId.None && before.Soft.Leader == NodeId.None;
        bool isUpToDate = new EntryId(request.LogTerm, request.Index).IsAtLeast(before.Last);
        string kind = isPreVote ? "pre-vote" : "vote";
        Check.Holds(answer.Reject != (isFree && isUpToDate),
            $"member {number}, whose log ends at {before.Last}, {(answer.Reject ? "refuses" : "gives")} its {kind} to {request.From}, whose log ends at entry {request.Index} of term {request.LogTerm}");
        ulong expected = answer.Reject ? core.HardState.Term : request.Term;
        Check.Holds(answer.Term == expected && answer.To == request.From, $"member {number} answers a {kind} for term {request.Term} with term {answer.Term}");
        Check.Holds(isPreVote || answer.Reject || core.HardState.Vote == request.From, $"member {number} gives its vote to {request.From} and does not note it");
    }
}
