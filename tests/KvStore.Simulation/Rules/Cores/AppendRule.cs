using KvStore.Raft;

namespace KvStore.Simulation.Rules.Cores;

/// <summary>A follower commits what is known to be its leader's, keeps it, and names in a refusal the last entry that may be (thesis §3.5).</summary>
internal sealed class AppendRule(int number)
{
    public void Heard(Consensus core, CoreState before, Message heartbeat) => Check.Holds(
        core.HardState.Commit <= Math.Max(before.Hard.Commit, heartbeat.Commit),
        $"member {number} commits up to {core.HardState.Commit} by a heartbeat that says {heartbeat.Commit}");

    public void Appended(Consensus core, CoreState before, Message append)
    {
        if (before.AnswerOf(core) is not { Type: MessageType.AppResp } answer)
            return;
        ulong end = append.Index + (ulong)append.Entries.Length;
        ulong known = answer.Reject ? 0 : Math.Min(end, append.Commit);
        Check.Holds(core.HardState.Commit <= Math.Max(before.Hard.Commit, known),
            $"member {number} commits up to {core.HardState.Commit} by an append that ends at {end} and says {append.Commit}");
        // What its present leader has made is that one's log: an append that came late or twice is only shorter.
        Check.Holds(core.Log.LastIndex >= before.Last.Index || before.Last.Term < append.Term,
            $"member {number} cuts {before.Last} off its log by an append of term {append.Term} that ends at {end}");
        if (answer.Reject)
            CheckHint(core, append, answer);
        else
            Check.Holds(answer.Index <= Math.Max(end, before.Hard.Commit), $"member {number} acknowledges {answer.Index} to an append that ends at {end}");
    }

    private void CheckHint(Consensus core, Message append, Message refusal)
    {
        ulong limit = Math.Min(append.Index, core.Log.LastIndex);
        ulong hint = refusal.RejectHint;
        // Where the term is not known any more, the logs may meet.
        bool mayMatch = hint <= limit && (core.Log.Term(hint, out ulong term) != RaftError.None || term <= append.LogTerm && term == refusal.LogTerm);
        bool isLast = hint >= limit || core.Log.Term(hint + 1, out ulong next) == RaftError.None && next > append.LogTerm;
        Check.Holds(mayMatch && isLast && refusal.Index == append.Index,
            $"member {number} names entry {hint} of term {refusal.LogTerm}, asked about entry {append.Index} of term {append.LogTerm}");
    }
}
