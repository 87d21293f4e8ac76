using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Store;

/// <summary>Who saw the store at which revision, and when: the real-time order that answers must keep.</summary>
internal sealed class RevisionSightings
{
    /// <param name="At">The store had come to the revision by then.</param>
    /// <param name="Operation">Whose answer it was, if a request's.</param>
    /// <param name="Received">Which answer of a watch it was, if one.</param>
    public readonly record struct Sighting(long At, long Revision, Operation? Operation, WatchReceived? Received);

    private readonly List<Sighting> _byTime = [];

    /// <summary>At place r: when a revision of at least r was first seen.</summary>
    private readonly long[] _seenAt;

    public RevisionSightings(RunHistory history)
    {
        foreach (var operation in history.Operations)
            Add(new(operation.ReturnedAt, operation.Revision(), operation, null));
        WatchReceived? last = null;
        foreach (var received in history.Watches.SelectMany(watch => watch.Responses))
        {
            // An answer for all watches of a stream stands in each of them.
            if (!ReferenceEquals(received, last))
                Add(new(received.At, received.Response.Header?.Revision ?? 0, null, received));
            last = received;
        }
        foreach (var observed in history.Observations)
            Add(new(observed.At, observed.Revision, null, null));
        _byTime.Sort((left, right) => left.At.CompareTo(right.At));
        LastRevision = Math.Max(Timeline.FirstRevision, _byTime.Count == 0 ? 0 : _byTime.Max(sighting => sighting.Revision));
        _seenAt = FirstTimes();
    }

    public IReadOnlyList<Sighting> ByTime => _byTime;

    /// <summary>The highest that anybody saw.</summary>
    public long LastRevision { get; }

    public long SeenAt(long revision) => revision > LastRevision ? long.MaxValue : _seenAt[Math.Max(revision, 0)];

    private void Add(Sighting sighting)
    {
        if (sighting.Revision > 0)
            _byTime.Add(sighting);
    }

    private long[] FirstTimes()
    {
        var seenAt = new long[LastRevision + 1];
        Array.Fill(seenAt, long.MaxValue);
        foreach (var sighting in _byTime)
            seenAt[sighting.Revision] = Math.Min(seenAt[sighting.Revision], sighting.At);
        for (long revision = LastRevision - 1; revision >= 0; revision--)
            seenAt[revision] = Math.Min(seenAt[revision], seenAt[revision + 1]);
        return seenAt;
    }
}
