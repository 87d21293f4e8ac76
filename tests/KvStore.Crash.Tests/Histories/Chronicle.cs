namespace KvStore.Crash.Tests.Histories;

/// <summary>What happened at each revision, as watches told it: the first to tell is believed, all others must tell the same.</summary>
internal sealed class Chronicle
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, KeyVersion[]> _revisions = [];

    /// <summary>The last revision that anybody was told of: it must never be taken back.</summary>
    public long LastRevision { get; private set; } = 1;

    public void Observe(long revision, KeyVersion[] events, string source)
    {
        lock (_lock)
        {
            if (!_revisions.TryGetValue(revision, out var known))
                _revisions.Add(revision, events);
            else if (!known.AsSpan().SequenceEqual(events))
                throw new HistoryException($"revision {revision} was {Show(known)}, but {source} tells {Show(events)}");
            LastRevision = Math.Max(LastRevision, revision);
        }
    }

    public IReadOnlyList<KeyVersion> At(long revision)
    {
        lock (_lock)
        {
            return _revisions.TryGetValue(revision, out var events)
                ? events
                : throw new HistoryException($"no watch told of revision {revision}");
        }
    }

    /// <summary>Compacted revisions are told no more: they need not be kept.</summary>
    public void Forget(long upTo)
    {
        lock (_lock)
        {
            foreach (long revision in _revisions.Keys.TakeWhile(revision => revision <= upTo).ToArray())
                _revisions.Remove(revision);
        }
    }

    public static string Show(IEnumerable<KeyVersion> events) => "[" + string.Join(", ", events) + "]";
}
