using KvStore.Raft;
using KvStore.Raft.Quorums;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>A leader answers a read, its own too, when a quorum has answered heartbeats that it sent after the read had come (thesis §6.4).</summary>
internal sealed class ConfirmationRule(int number)
{
    private readonly Dictionary<string, long> _reads = [];
    private readonly Dictionary<string, long> _heartbeats = [];
    private readonly Dictionary<NodeId, long> _confirmed = [];
    private ulong _term;

    /// <summary>Orders what happens in a member.</summary>
    private long _moment;

    public void Read(Consensus core, Message request)
    {
        if (core.Role != Role.Leader)
            return;
        BeginTerm(core.Term);
        _reads.TryAdd(NameOf(request.From == core.Id ? NodeId.None : request.From, request.Context.Span), ++_moment);
    }

    /// <summary>A heartbeat asks for a confirmation; the same one again asks no more than the first.</summary>
    public void Asked(Message heartbeat)
    {
        if (heartbeat.Context.IsEmpty)
            return;
        BeginTerm(heartbeat.Term);
        _heartbeats.TryAdd(NameOf(NodeId.None, heartbeat.Context.Span), ++_moment);
    }

    public void Confirmed(Consensus core, Message response)
    {
        if (core.Role != Role.Leader || response.Context.IsEmpty)
            return;
        BeginTerm(core.Term);
        if (_heartbeats.TryGetValue(NameOf(NodeId.None, response.Context.Span), out long asked))
            _confirmed[response.From] = Math.Max(asked, _confirmed.GetValueOrDefault(response.From));
    }

    public void CheckAnswers(Consensus core, CoreState before)
    {
        if (core.Role != Role.Leader)
            return;
        for (int i = before.ReadCount; i < core.ReadStates.Count; i++)
            CheckAnswer(core, NodeId.None, core.ReadStates[i].Context.Span);
        for (int i = before.MessageCount; i < core.Outbox.Count; i++)
        {
            if (core.Outbox[i] is { Type: MessageType.ReadIndexResp } answer)
                CheckAnswer(core, answer.To, answer.Context.Span);
        }
    }

    private void CheckAnswer(Consensus core, NodeId reader, ReadOnlySpan<byte> context)
    {
        if (!_reads.TryGetValue(NameOf(reader, context), out long came))
            return;
        bool isConfirmed = core.Tracker.Config.Voters.VoteResult(new ConfirmedSince(core.Id, came, _confirmed)) == VoteResult.Won;
        Check.Holds(isConfirmed, $"member {number} answers a read in term {core.Term}, though no quorum has confirmed since it came that it leads");
    }

    private void BeginTerm(ulong term)
    {
        if (term == _term)
            return;
        _term = term;
        _reads.Clear();
        _heartbeats.Clear();
        _confirmed.Clear();
    }

    private static string NameOf(NodeId who, ReadOnlySpan<byte> context) => $"{who.Value:x} {Convert.ToHexString(context)}";

    private readonly struct ConfirmedSince(NodeId self, long moment, Dictionary<NodeId, long> confirmed) : IVotes
    {
        public bool? VoteOf(NodeId voter) => voter == self || confirmed.GetValueOrDefault(voter) > moment ? true : null;
    }
}
