using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Mvcc.Watches;
using KvStore.Raft;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Store;

/// <summary>The changes of one command: they share a main revision and are numbered in their order.</summary>
/// <remarks>
/// The owner checks everything before the first change; from then on nothing is refused. Belongs to the apply loop, which
/// uses one over and over: <see cref="Commit"/> publishes the changes and makes it ready for the next command.
/// </remarks>
internal sealed class WriteTransaction(MvccStore store, LeaseTable leases)
{
    private readonly List<StoredEvent> _events = [];

    // How many events stand at revisions that are published already.
    private int _published;

    public bool HasChanges => _events.Count > _published;

    /// <summary>Whether the revision can hold no more changes.</summary>
    public bool IsFull => _events.Count - _published == MvccStore.ChangesPerRevisionLimit;

    /// <summary>What a read of this transaction sees: its own changes too.</summary>
    public long ReadRevision => HasChanges ? ChangeRevision : store.CurrentRevision;

    private long ChangeRevision => store.CurrentRevision + 1;

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, LeaseId lease)
    {
        var before = leases.HasAttachedKeys && store.Index.TryGet(key, ReadRevision, out var state) ? state.Lease : LeaseId.None;
        var revision = NextRevision();
        var after = store.Index.Put(key, revision, lease);
        Invariant.Holds(after.Mod == revision);
        Record(revision, StoredRecord.Put(key, value, after.Create, revision.Main, after.Version, lease));
        if (before == lease)
            return;
        if (before != LeaseId.None)
            leases.Detach(before, key);
        if (lease != LeaseId.None)
            leases.Attach(lease, key);
    }

    /// <summary>Deletes a key that lives.</summary>
    /// <param name="lease">The lease that the key is attached to.</param>
    public void Delete(ReadOnlySpan<byte> key, LeaseId lease)
    {
        var revision = NextRevision();
        store.Index.Delete(key, revision);
        Record(revision, StoredRecord.Tombstone(key, revision.Main));
        if (lease != LeaseId.None)
            leases.Detach(lease, key);
    }

    /// <summary>Deletes the keys of the range that live, in key order.</summary>
    /// <returns>How many those were.</returns>
    public long DeleteRange(in KeyRange range)
    {
        var live = LiveKeys(range);
        foreach (var (key, lease) in live)
            Delete(key, lease);
        return live.Count;
    }

    private List<(byte[] Key, LeaseId Lease)> LiveKeys(in KeyRange range)
    {
        var live = new List<(byte[], LeaseId)>();
        using var scope = store.Index.BeginRead();
        if (range.IsSingleKey)
        {
            if (store.Index.TryGet(range.Start.Span, ReadRevision, out var state))
                live.Add((range.Start.ToArray(), state.Lease));
            return live;
        }
        store.Index.Visit(range, ReadRevision, (ReadOnlySpan<byte> key, in KeyState state) =>
        {
            live.Add((key.ToArray(), state.Lease));
            return true;
        });
        return live;
    }

    /// <summary>Makes what was changed so far visible and goes on at the next revision.</summary>
    public void ContinueAtNextRevision()
    {
        Invariant.Holds(HasChanges);
        store.Publish(_events[^1].Revision.Main);
        _published = _events.Count;
    }

    /// <summary>Makes the changes visible, all at once.</summary>
    /// <returns>The changes in their order.</returns>
    public StoredEvent[] Commit()
    {
        if (!HasChanges)
            return [];
        var events = _events.ToArray();
        _events.Clear();
        _published = 0;
        store.Publish(events[^1].Revision.Main);
        return events;
    }

    private Revision NextRevision()
    {
        Invariant.Holds(!IsFull);
        return new Revision(ChangeRevision, _events.Count - _published);
    }

    private void Record(Revision revision, byte[] record)
    {
        store.WriteValue(revision, record);
        _events.Add(new StoredEvent(revision, record));
    }
}
