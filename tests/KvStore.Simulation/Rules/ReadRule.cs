using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>A leader tells a reader its index only when a majority has answered heartbeats that it sent after the reader had asked
/// (thesis §6.4).</summary>
internal sealed class ReadRule(SimulatedCluster cluster) : IProtocolRule
{
    private readonly Dictionary<(NodeId Leader, ulong Term, string Context), TimeSpan> _firstSent = [];
    private readonly Dictionary<(NodeId Leader, ulong Term, NodeId From), TimeSpan> _answered = [];
    private readonly Dictionary<(NodeId Leader, NodeId Reader, string Context), TimeSpan> _asked = [];

    // Who the voters are is known for certain only where that does not change.
    private bool IsKnown => cluster.Plan is { MemberChangeWeight: 0, MemberCount: > 1 };

    public void Arrived(SimulatedMember from, SimulatedMember to, Message message)
    {
        if (!IsKnown || message.Context.IsEmpty)
            return;
        if (message.Type == MessageType.ReadIndex)
            _asked.TryAdd((to.Id, message.From, Text(message)), cluster.Time.Now);
        else if (message.Type == MessageType.HeartbeatResp && _firstSent.TryGetValue((to.Id, message.Term, Text(message)), out var sent))
            _answered[(to.Id, message.Term, from.Id)] = Max(sent, _answered.GetValueOrDefault((to.Id, message.Term, from.Id)));
    }

    public void Sent(SimulatedMember from, Message message)
    {
        if (!IsKnown || message.Context.IsEmpty)
            return;
        if (message.Type == MessageType.Heartbeat)
            _firstSent.TryAdd((from.Id, message.Term, Text(message)), cluster.Time.Now);
        else if (message.Type == MessageType.ReadIndexResp && _asked.TryGetValue((from.Id, message.To, Text(message)), out var asked))
            CheckAnswer(from, message, asked);
    }

    private void CheckAnswer(SimulatedMember leader, Message answer, TimeSpan asked)
    {
        int confirmed = 1 + cluster.Members.Count(other => _answered.TryGetValue((leader.Id, answer.Term, other.Id), out var sent) && sent >= asked);
        Check.Holds(confirmed > cluster.Members.Count / 2,
            $"member {leader.Number} answers a read of {answer.To}, though only {confirmed} members have confirmed since that it leads");
    }

    private static string Text(Message message) => Convert.ToHexString(message.Context.Span);

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
