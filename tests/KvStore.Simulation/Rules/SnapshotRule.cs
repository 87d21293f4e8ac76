using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>No snapshot for a member that is not there.</summary>
internal sealed class SnapshotRule(SimulatedCluster cluster) : IProtocolRule
{
    /// <summary>A check of the quorum forgets who was heard of before the one before it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2.5);

    private readonly Dictionary<(NodeId Leader, NodeId From), (ulong Term, TimeSpan At)> _answers = [];

    public void Arrived(SimulatedMember from, SimulatedMember to, Message message)
    {
        if (message.Type is MessageType.AppResp or MessageType.HeartbeatResp && message.Term >= _answers.GetValueOrDefault((to.Id, from.Id)).Term)
            _answers[(to.Id, from.Id)] = (message.Term, cluster.Time.Now);
    }

    public void Sent(SimulatedMember from, Message message)
    {
        if (message.Type != MessageType.Snap)
            return;
        var core = from.Member!.Core.Consensus;
        // It may have been told to stop leading since.
        if (core.Role == Role.Leader && core.Term == message.Term && core.Tracker.Find(message.To) is { } known)
            Check.Holds(known.IsRecentlyActive, $"member {from.Number} sends a snapshot to {message.To}, which is silent");
        // A newcomer counts as heard of when it is added; and a leader that was held up has not counted the time.
        bool isNewcomer = cluster.Find(message.To) is not { } to || to.Number > cluster.Plan.MemberCount;
        if (isNewcomer || from.Process!.PausedUntil > cluster.Time.Now - Patience)
            return;
        bool isHeard = _answers.TryGetValue((from.Id, message.To), out var answer)
            && answer.Term == message.Term && cluster.Time.Now - answer.At < Patience;
        Check.Holds(isHeard, $"member {from.Number} sends a snapshot to {message.To}, of which it has not heard in {Patience}");
    }
}
