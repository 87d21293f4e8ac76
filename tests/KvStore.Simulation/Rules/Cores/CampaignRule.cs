using KvStore.Raft;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>A member campaigns with the members that are agreed on: not while a change of them is committed and not in force, or a
/// snapshot not durable, and not as a learner (thesis §4.1).</summary>
internal sealed class CampaignRule(int number)
{
    private (Role Role, ulong Term) _before;

    public void Changed(Consensus core)
    {
        var now = (core.Role, core.Term);
        if (now == _before)
            return;
        _before = now;
        if (core.Role is not (Role.PreCandidate or Role.Candidate))
            return;
        Check.Holds(!core.Log.HasPendingSnapshot, $"member {number} campaigns for term {core.Term} while a snapshot is not durable");
        Check.Holds(core.Tracker.Find(core.Id) is { IsLearner: false }, $"member {number} campaigns for term {core.Term}, though it is no voter");
        for (ulong index = core.Log.Applied + 1; index <= core.Log.Committed; index++)
        {
            bool isKnown = core.Log.Slice(index, index + 1, ulong.MaxValue, out var entry) == RaftError.None;
            Check.Holds(!isKnown || entry.Span[0].Type == EntryType.Normal,
                $"member {number} campaigns for term {core.Term} with entry {core.Log.Applied} applied, though {index} is a committed change of members");
        }
    }
}
