using KvStore.Raft;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>What a leader makes of answers: a refusal takes a member back only when it answers what is under way, and by a term a
/// probe (thesis §3.5).</summary>
internal sealed class ProgressRule(int number)
{
    private Place? _before;
    private int _messageCount;

    public void Refusing(Consensus core, Message refusal)
    {
        bool matters = refusal.Reject && core.Role == Role.Leader && refusal.Term == core.Term;
        _before = matters && core.Tracker.Find(refusal.From) is { } member ? Place.Of(member) : null;
        _messageCount = core.Outbox.Count;
    }

    public void Refused(Consensus core, Message refusal)
    {
        if (_before is not { } before || core.Tracker.Find(refusal.From) is not { } member)
            return;
        var now = Place.Of(member);
        bool isOld = before.State == ProgressState.Replicate ? refusal.Index <= before.Match : refusal.Index != before.Next - 1;
        if (isOld)
            Check.Holds(now == before && core.Outbox.Count == _messageCount, $"member {number} takes {refusal.From} from {before} to {now} by an old refusal of {refusal.Index}");
        else
            CheckProbe(core, refusal, before, now);
    }

    /// <summary>Entries of later terms than the one that the follower names cannot be its own.</summary>
    private void CheckProbe(Consensus core, Message refusal, Place before, Place now)
    {
        bool isBack = now.Next <= before.Next && now.Match == before.Match;
        bool mayMatch = before.State == ProgressState.Replicate || refusal.LogTerm == 0 || now.Next == now.Match + 1
            || core.Log.TermOrZero(now.Next - 1) <= refusal.LogTerm;
        // The log may be cut there: then a snapshot is on its way.
        Check.Holds(now.State == ProgressState.Snapshot || isBack && mayMatch,
            $"member {number} takes {refusal.From} from {before} to {now} by a refusal that names {refusal.RejectHint} of term {refusal.LogTerm}");
    }

    /// <summary>Copies are counted of entries of its own term only; older ones are committed along with those (thesis §3.6.2).</summary>
    public void Committed(Consensus core, CoreState before)
    {
        bool hasMore = core.Role == Role.Leader && core.Log.Committed > before.Hard.Commit;
        Check.Holds(!hasMore || core.Log.TermOrZero(core.Log.Committed) == core.Term,
            $"member {number} leads in term {core.Term} and commits up to entry {core.Log.Committed} of term {core.Log.TermOrZero(core.Log.Committed)}");
    }

    private readonly record struct Place(ProgressState State, ulong Match, ulong Next, bool IsPaused)
    {
        public static Place Of(Progress member) => new(member.State, member.Match, member.Next, member.IsPaused);
    }
}
