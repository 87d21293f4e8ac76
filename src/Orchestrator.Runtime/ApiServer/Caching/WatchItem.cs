namespace Orchestrator.Runtime.ApiServer.Caching;

internal enum WatchItemType
{
    Added,
    Modified,
    Deleted,
    Bookmark,

    /// <summary>The bookmark that ends the initial events of a WatchList.</summary>
    InitialEventsEnd,
}

/// <param name="Object">Null for bookmarks.</param>
internal readonly record struct WatchItem(WatchItemType Type, StoredObject? Object, long Revision);
