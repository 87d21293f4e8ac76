namespace KvStore.Raft;

// What a leader sends, and when entries are committed.
internal sealed partial class Consensus
{
    private void BroadcastAppend()
    {
        foreach (var member in _tracker.Members)
        {
            if (member.Id != Id)
                SendAppend(member);
        }
    }

    private void SendAppend(Progress member) => TrySendAppend(member, sendIfEmpty: true);

    // As many as the window takes; an append without entries would repeat itself forever here.
    private void SendAllAppends(Progress member)
    {
        while (TrySendAppend(member, sendIfEmpty: false))
        {
        }
    }

    private bool TrySendAppend(Progress member, bool sendIfEmpty)
    {
        if (member.IsPaused)
            return false;
        var previous = new EntryId(0, member.Next - 1);
        if (Log.Term(previous.Index, out ulong previousTerm) != RaftError.None)
            return TrySendSnapshot(member);
        var error = RaftError.None;
        ReadOnlyMemory<Entry> entries = default;
        // A full window takes no more entries, but an empty append finds out whether those in it were lost.
        if (member.State != ProgressState.Replicate || !member.IsInflightFull)
            error = Log.EntriesFrom(member.Next, _config.MaxSizePerMessageBytes, out entries);
        if (entries.IsEmpty && !sendIfEmpty)
            return false;
        if (error != RaftError.None)
            return TrySendSnapshot(member);
        SendEntries(member, previous with { Term = previousTerm }, entries);
        return true;
    }

    private void SendEntries(Progress member, EntryId previous, ReadOnlyMemory<Entry> entries)
    {
        Send(new Message
        {
            Type = MessageType.App,
            From = Id,
            To = member.Id,
            Term = Term,
            Index = previous.Index,
            LogTerm = previous.Term,
            Entries = entries,
            Commit = Log.Committed,
        });
        member.SentEntries(entries.Length, Entry.PayloadSizeOf(entries.Span));
        member.SentCommit(Log.Committed);
    }

    private bool TrySendSnapshot(Progress member)
    {
        // Nobody answers there: a snapshot would be made and sent for nothing.
        if (!member.IsRecentlyActive)
            return false;
        var error = Log.Snapshot(out var snapshot);
        if (error == RaftError.SnapshotTemporarilyUnavailable)
            return false;
        Invariant.Holds(error == RaftError.None);
        Invariant.Holds(!snapshot.IsEmpty);
        member.BecomeSnapshot(snapshot.Metadata.Index);
        Send(new Message { Type = MessageType.Snap, From = Id, To = member.Id, Term = Term, Snapshot = snapshot });
        return true;
    }

    private void BroadcastHeartbeat()
    {
        var context = _reads.HeartbeatContext;
        foreach (var member in _tracker.Members)
        {
            if (member.Id != Id)
                SendHeartbeat(member, context);
        }
    }

    private void SendHeartbeat(Progress member, ReadOnlyMemory<byte> context)
    {
        // Beyond its match the member's log may still differ from ours, and must not be taken for committed.
        ulong commit = Math.Min(member.Match, Log.Committed);
        Send(new Message
        {
            Type = MessageType.Heartbeat,
            From = Id,
            To = member.Id,
            Term = Term,
            Commit = commit,
            Context = context,
        });
        member.SentCommit(commit);
    }

    private void SendTimeoutNow(NodeId successor) =>
        Send(new Message { Type = MessageType.TimeoutNow, From = Id, To = successor, Term = Term });

    // Counting copies commits entries of this term only, and with them all before: an older entry on a majority can still
    // be replaced (thesis §3.6.2).
    private bool MaybeCommit()
    {
        ulong index = _tracker.CommittedIndex();
        if (index <= Log.Committed || Log.TermOrZero(index) != Term)
            return false;
        Log.CommitTo(index);
        return true;
    }
}
