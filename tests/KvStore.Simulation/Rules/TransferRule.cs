using KvStore.Raft;
using KvStore.Simulation.Members;

namespace KvStore.Simulation.Rules;

/// <summary>Who hands over the leadership adds nothing to the log meanwhile, and never hands it to a learner (thesis §3.10).</summary>
internal sealed class TransferRule(SimulatedCluster cluster) : IProtocolRule
{
    /// <summary>A transfer is given up after an election timeout, which begins when it is asked for or later.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromMilliseconds(800);

    private readonly Dictionary<(NodeId Leader, ulong Term), ulong> _lastSent = [];
    private readonly Dictionary<(NodeId Leader, ulong Term), (ulong Index, TimeSpan Until)> _handingOver = [];
    private TimeSpan _askedAt = -TimeSpan.FromHours(1), _askedBefore = -TimeSpan.FromHours(1);

    public TimeSpan LastAsked => _askedAt;

    /// <summary>Somebody wants another leader.</summary>
    public void Asked() => (_askedBefore, _askedAt) = (_askedAt, cluster.Time.Now);

    public void Sent(SimulatedMember from, Message message)
    {
        var leader = (from.Id, message.Term);
        if (message.Type == MessageType.App)
            Appended(from, leader, message.Index + (ulong)message.Entries.Length);
        else if (message.Type == MessageType.TimeoutNow)
            HandsOver(from, leader, message.To);
    }

    private void Appended(SimulatedMember from, (NodeId, ulong) leader, ulong last)
    {
        if (_handingOver.TryGetValue(leader, out var known) && cluster.Time.Now < known.Until)
            Check.Holds(last <= known.Index, $"member {from.Number} adds entry {last} behind {known.Index}, where it has handed over its leadership");
        _lastSent[leader] = Math.Max(_lastSent.GetValueOrDefault(leader), last);
    }

    private void HandsOver(SimulatedMember from, (NodeId, ulong) leader, NodeId successor)
    {
        Check.Holds(from.Member!.State.Members.Find(successor.Value) is not { IsLearner: true }, $"member {from.Number} hands its leadership to a learner");
        // An earlier one may be what this belongs to, and be given up sooner; a successor that is removed ends it at once.
        if (_askedAt - _askedBefore < 3 * Timeout || cluster.Plan.MemberChangeWeight > 0)
            return;
        _handingOver[leader] = (_lastSent.GetValueOrDefault(leader), _askedAt + Timeout);
    }
}
