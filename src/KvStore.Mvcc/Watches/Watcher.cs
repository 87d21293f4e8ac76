using KvStore.Mvcc.Index;
using KvStore.Protocol;

namespace KvStore.Mvcc.Watches;

/// <summary>One watch of a stream. Owned by the watch loop.</summary>
/// <remarks>
/// Synced watchers get events as they are published. One whose stream is full, or that starts in the past, is behind:
/// <see cref="Next"/> stays where it is until catching up moves it past the current revision.
/// </remarks>
internal sealed class Watcher(WatchStream stream, long id, KeyRange range, long next, WatchCreateRequest request)
{
    private readonly bool _skipsPuts = request.Filters.Contains(WatchCreateRequest.Types.FilterType.Noput);
    private readonly bool _skipsDeletes = request.Filters.Contains(WatchCreateRequest.Types.FilterType.Nodelete);

    public WatchStream Stream { get; } = stream;

    public long Id { get; } = id;

    public KeyRange Range { get; } = range;

    public bool WantsPrevious { get; } = request.PrevKv;

    public bool AllowsFragments { get; } = request.Fragment;

    public bool WantsProgress { get; } = request.ProgressNotify;

    /// <summary>The first revision that it has not been told of; beyond the current one for a watch of the future.</summary>
    public long Next { get; set; } = next;

    public bool IsSynced { get; set; }

    public bool IsCanceled { get; set; }

    /// <summary>Nothing was sent since the last progress notice was due.</summary>
    public bool IsQuiet { get; set; }

    /// <summary>Events that matched during this step and are not yet in a message.</summary>
    public List<WatchedEvent> Pending { get; } = [];

    public bool Wants(StoredEvent candidate) =>
        candidate.Revision.Main >= Next && !(candidate.IsDelete ? _skipsDeletes : _skipsPuts);
}
