using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>Makes batches of whole revisions out of one watch's messages.</summary>
/// <remarks>
/// Fragments of one message may part the events of a revision. All but the last revision of a fragment is complete:
/// <code>
/// 5 5 6 6 | 6 7 | 7 8        three fragments, the last one unmarked
/// -> 5 5,   6 6 6,   7 7 8   so what waits is one revision at most, however long the message
/// </code>
/// What was delivered before is dropped, should a server repeat it.
/// </remarks>
internal sealed class EventAssembler(long nextRevision)
{
    private readonly List<Event> _partial = [];

    /// <summary>The first revision that was not delivered yet: where the watch goes on; 0 before anything is known.</summary>
    public long NextRevision { get; private set; } = nextRevision;

    /// <summary>The watch was made and shows what comes after this revision, if it did not ask for a certain start.</summary>
    public void Begin(long revision)
    {
        _partial.Clear();
        if (NextRevision == 0)
            NextRevision = revision + 1;
    }

    /// <summary>Nothing that the watch would show happened up to this revision, and not been delivered.</summary>
    public void Progress(long revision) => NextRevision = Math.Max(NextRevision, revision + 1);

    /// <returns>Null if no revision is complete yet, or nothing is new.</returns>
    public WatchBatch? Add(IReadOnlyList<Event> events, bool isFragment)
    {
        foreach (var change in events)
        {
            if (change.Kv.ModRevision >= NextRevision)
                _partial.Add(change);
        }

        int completeCount = isFragment ? CountBeforeLastRevision() : _partial.Count;
        if (completeCount == 0)
            return null;
        var complete = _partial.GetRange(0, completeCount);
        _partial.RemoveRange(0, completeCount);
        return new WatchBatch(complete[^1].Kv.ModRevision, complete);
    }

    /// <summary>The batch is with the reader.</summary>
    public void Delivered(WatchBatch batch)
    {
        Invariant.Holds(batch.Revision >= NextRevision);
        NextRevision = batch.Revision + 1;
    }

    private int CountBeforeLastRevision()
    {
        int count = _partial.Count;
        while (count > 0 && _partial[count - 1].Kv.ModRevision == _partial[^1].Kv.ModRevision)
            count--;
        return count;
    }
}
