using System.Runtime.InteropServices;
using Google.Protobuf;

namespace KvStore.Chaos.Checkers.Store;

/// <summary>What the store did, revision by revision, as far as the clients' records show it.</summary>
/// <remarks>
/// Found by the <see cref="Revisions.RevisionOrderChecker"/>, and what the other checkers measure against. It comes from the
/// requests alone: what watches and reads tell is only used to learn where a request of unknown outcome stands.
/// </remarks>
internal sealed class Timeline
{
    /// <summary>The store begins with it, empty.</summary>
    public const long FirstRevision = 1;

    private readonly List<StoreEvent> _events = [];

    /// <summary>Where the events of revision r begin, at place r - 2; the last place is the end of all.</summary>
    private readonly List<int> _begins = [0];
    private readonly List<RevisionCause> _causes = [];
    private readonly RevisionSightings _sightings;
    private Dictionary<ByteString, List<int>>? _eventsOfKey;

    public Timeline(RevisionSightings sightings) => _sightings = sightings;

    public long LastRevision => _causes.Count + FirstRevision;

    public IReadOnlyList<StoreEvent> Events => _events;

    public RevisionCause CauseOf(long revision) => _causes[(int)(revision - 2)];

    public ReadOnlySpan<StoreEvent> EventsAt(long revision) => revision <= FirstRevision || revision > LastRevision
        ? []
        : CollectionsMarshal.AsSpan(_events)[_begins[(int)revision - 2].._begins[(int)revision - 1]];

    /// <summary>The place in <see cref="Events"/> of the first event at or after a revision.</summary>
    public int IndexAt(long revision) => _begins[(int)Math.Clamp(revision - 2, 0, _causes.Count)];

    /// <summary>When it was first seen that the store had come to this revision; <see cref="long.MaxValue"/> for never.</summary>
    public long SeenAt(long revision) => _sightings.SeenAt(revision);

    /// <summary>The places in <see cref="Events"/> of a key's changes.</summary>
    public IReadOnlyList<int> EventsOf(ByteString key)
    {
        _eventsOfKey ??= Enumerable.Range(0, _events.Count).GroupBy(i => _events[i].Key)
            .ToDictionary(group => group.Key, group => group.ToList());
        return _eventsOfKey.GetValueOrDefault(key) ?? [];
    }

    public void Add(StoreEvent change) => _events.Add(change);

    /// <summary>The events since the last one belong to the next revision.</summary>
    public void EndRevision(RevisionCause cause)
    {
        _causes.Add(cause);
        _begins.Add(_events.Count);
    }
}
