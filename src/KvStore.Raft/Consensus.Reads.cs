namespace KvStore.Raft;

// Linearizable reads without log entries (thesis §6.4).
internal sealed partial class Consensus
{
    // A read beyond it is dropped, as if its message were lost: the reader asks again.
    private const int PendingReadsLimit = 65_536;

    private readonly ReadQueue _reads = new();

    // Reads that came before the leader had committed an entry of its term.
    private readonly Queue<Message> _postponedReads = [];

    // A leader that was removed leads on until another one is elected, by a group of one perhaps: that one is not it.
    private bool IsOnlyVoter => _tracker.Config.Voters.IsSingleton && _tracker.Config.Voters.Contains(Id);

    private bool HasCommittedInTerm => Log.TermOrZero(Log.Committed) == Term;

    private void StepReadIndex(Message request)
    {
        if (_reads.PendingCount + _postponedReads.Count >= PendingReadsLimit)
            return;
        // Until then its commit index may lag behind what its predecessor has acknowledged (thesis §6.4). etcd-io/raft lets a
        // single voter answer at once; but after a crash its commit index may lag too, since a new one alone is not synced.
        if (!HasCommittedInTerm)
        {
            _postponedReads.Enqueue(request);
            return;
        }
        AdmitRead(request);
        AskForConfirmation();
    }

    private void ReleasePostponedReads()
    {
        if (_postponedReads.Count == 0 || !HasCommittedInTerm)
            return;
        while (_postponedReads.TryDequeue(out var request))
            AdmitRead(request);
        AskForConfirmation();
    }

    private void AskForConfirmation()
    {
        if (_reads.PendingCount > 0)
            BroadcastHeartbeat();
    }

    private void AdmitRead(Message request)
    {
        // Nobody else could have been elected if this is the one voter; a lease says so by the others' clocks (thesis §6.4.1).
        if (IsOnlyVoter || _config.ReadOnlyOption == ReadOnlyOption.LeaseBased)
        {
            AnswerRead(new PendingRead(request, Log.Committed));
            return;
        }
        _reads.Add(Id, new PendingRead(request, Log.Committed));
    }

    private void AnswerConfirmedReads()
    {
        while (_reads.TryTakeConfirmed(_tracker.Config.Voters, out var read))
            AnswerRead(read);
    }

    private void AnswerRead(in PendingRead read)
    {
        var reader = read.Request.From;
        if (reader == NodeId.None || reader == Id)
        {
            ReadStates.Add(new ReadState(read.Index, read.Request.Context));
            return;
        }
        Send(new Message
        {
            Type = MessageType.ReadIndexResp,
            From = Id,
            To = reader,
            Term = Term,
            Index = read.Index,
            Context = read.Request.Context,
        });
    }
}
