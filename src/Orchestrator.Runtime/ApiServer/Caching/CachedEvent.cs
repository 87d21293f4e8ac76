namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>One change of one object.</summary>
/// <param name="before">Null if it was created.</param>
/// <param name="after">Null if it was deleted.</param>
internal sealed class CachedEvent(long revision, StoredObject? before, StoredObject? after)
{
    private StoredObject? _lastState;

    public long Revision => revision;

    public StoredObject? Before => before;

    public StoredObject? After => after;

    public string Key => (after ?? before)!.Key;

    public int SizeBytes => (after ?? before)!.Json.Length;

    /// <summary>What somebody sees for whom the object goes away with this event: its state before, at this revision.</summary>
    public StoredObject LastState => _lastState ??= before!.AtRevision(revision);

    /// <summary>What a watcher with this filter sees of it; null if nothing.</summary>
    public WatchItem? Seen(WatchFilter filter)
    {
        bool wasSeen = before is not null && filter.Matches(before);
        bool isSeen = after is not null && filter.Matches(after);
        if (isSeen)
            return new WatchItem(wasSeen ? WatchItemType.Modified : WatchItemType.Added, after, revision);
        return wasSeen ? new WatchItem(WatchItemType.Deleted, LastState, revision) : null;
    }
}
