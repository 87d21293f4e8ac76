using KvStore.Raft;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>A leader hands over to a voter, and leads on if that does not come about within an election timeout (thesis §3.10).</summary>
internal sealed class SuccessorRule(int number, int electionTicks)
{
    private NodeId _successor;
    private int _ticks;

    public void Asked(Consensus core)
    {
        var successor = core.BasicStatus.LeadTransferee;
        if (successor == _successor)
            return;
        (_successor, _ticks) = (successor, 0);
        Check.Holds(core.Tracker.Find(successor) is not { IsLearner: true }, $"member {number} wants to hand its leadership to the learner {successor}");
    }

    public void Ticked(Consensus core)
    {
        if (core.Role != Role.Leader)
        {
            _successor = NodeId.None;
            return;
        }
        var successor = core.BasicStatus.LeadTransferee;
        if (successor != _successor)
            (_successor, _ticks) = (successor, 0);
        if (successor != NodeId.None)
            Check.Holds(++_ticks <= electionTicks, $"member {number} waits for {successor} to lead for more than an election timeout");
    }
}
