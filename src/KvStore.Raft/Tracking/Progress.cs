namespace KvStore.Raft;

/// <summary>What the leader knows of one member's log, and how it paces what it sends there.</summary>
/// <remarks>
/// <code>
/// entries     ... 10 11 12 13 14 15
///                 |        |
///                 Match    Next        11 and 12 are under way
/// </code>
/// Holds always: Match &lt; Next.
/// </remarks>
public sealed class Progress
{
    private readonly Inflights _inflights;

    // The highest commit index sent. It saves appends that would only repeat it.
    private ulong _sentCommit;

    internal Progress(NodeId id, ulong next, int maxInflightMessages, ulong maxInflightBytes)
    {
        Id = id;
        Next = next;
        _inflights = new Inflights(maxInflightMessages, maxInflightBytes);
    }

    public NodeId Id { get; }

    /// <summary>The last index at which the member's log is known to be the leader's.</summary>
    public ulong Match { get; private set; }

    /// <summary>The index of the next entry to send.</summary>
    public ulong Next { get; private set; }

    public ProgressState State { get; private set; }

    /// <summary>In the Snapshot state: the index of the snapshot that was sent.</summary>
    public ulong PendingSnapshot { get; private set; }

    /// <summary>The entry up to which the member has the log, or will have it by the snapshot that is on its way.</summary>
    public ulong Taken => State switch
    {
        ProgressState.Snapshot => PendingSnapshot,
        ProgressState.Probe => Next - 1,
        _ => Match,
    };

    /// <summary>The member was heard of since the last check of the quorum.</summary>
    public bool IsRecentlyActive { get; internal set; }

    public bool IsLearner { get; internal set; }

    public int InflightCount => _inflights.Count;

    public bool IsInflightFull => _inflights.IsFull;

    /// <summary>Appends are held back: a probe is unanswered, the window is full, or a snapshot is under way.</summary>
    public bool IsPaused => State == ProgressState.Snapshot || IsFlowPaused;

    internal bool IsFlowPaused { get; set; }

    /// <summary>Starts over as a new leader sees a member: where the logs meet is unknown.</summary>
    internal void Reset(ulong match, ulong lastIndex)
    {
        ResetState(ProgressState.Probe);
        Match = match;
        Next = lastIndex + 1;
        IsRecentlyActive = false;
        _sentCommit = 0;
    }

    internal void BecomeProbe()
    {
        // After a snapshot that arrived, probing goes on right behind it.
        ulong afterSnapshot = State == ProgressState.Snapshot ? PendingSnapshot + 1 : 0;
        ResetState(ProgressState.Probe);
        Next = Math.Max(Match + 1, afterSnapshot);
        _sentCommit = Math.Min(_sentCommit, Next - 1);
    }

    internal void BecomeReplicate()
    {
        ResetState(ProgressState.Replicate);
        Next = Match + 1;
    }

    internal void BecomeSnapshot(ulong snapshotIndex)
    {
        ResetState(ProgressState.Snapshot);
        PendingSnapshot = snapshotIndex;
        Next = snapshotIndex + 1;
        _sentCommit = snapshotIndex;
    }

    /// <summary>The snapshot never arrived: probing goes on where it was before.</summary>
    internal void ForgetPendingSnapshot() => PendingSnapshot = 0;

    /// <summary>Notes an append that was sent.</summary>
    internal void SentEntries(int count, ulong bytes)
    {
        Invariant.Holds(State != ProgressState.Snapshot);
        if (State == ProgressState.Probe)
        {
            // A probe waits for its answer. Without this pause every proposal would send another one to a member that is away.
            IsFlowPaused |= count > 0;
            return;
        }
        if (count > 0)
        {
            Next += (ulong)count;
            _inflights.Add(Next - 1, bytes);
        }
        IsFlowPaused = _inflights.IsFull;
    }

    internal void SentCommit(ulong commit) => _sentCommit = commit;

    /// <summary>Whether sending <paramref name="commit"/> now could tell the member something new.</summary>
    internal bool CanBumpCommit(ulong commit) => commit > _sentCommit && _sentCommit < Next - 1;

    /// <summary>Takes an acknowledgement of everything up to <paramref name="index"/>; false if it is an old one.</summary>
    internal bool MaybeUpdate(ulong index)
    {
        if (index <= Match)
            return false;
        Match = index;
        Next = Math.Max(Next, index + 1);
        IsFlowPaused = false;
        return true;
    }

    /// <summary>Takes a refusal of the append after <paramref name="rejected"/>; false if it is an old one.</summary>
    /// <param name="matchHint">The last index at which the logs may meet.</param>
    internal bool MaybeDecreaseTo(ulong rejected, ulong matchHint)
    {
        if (State == ProgressState.Replicate)
        {
            if (rejected <= Match)
                return false;
            Next = Match + 1;
        }
        else
        {
            // One probe at a time is under way, so any other refusal answers an older one.
            if (rejected != Next - 1)
                return false;
            Next = Math.Max(Math.Min(rejected, matchHint + 1), Match + 1);
            IsFlowPaused = false;
        }
        Invariant.Holds(Match < Next);
        _sentCommit = Math.Min(_sentCommit, Next - 1);
        return true;
    }

    internal void FreeInflightsUpTo(ulong index) => _inflights.FreeUpTo(index);

    private void ResetState(ProgressState state)
    {
        IsFlowPaused = false;
        PendingSnapshot = 0;
        State = state;
        _inflights.Clear();
    }
}
