using System.Threading.Channels;

namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>One client's watch on a <see cref="WatchCache"/>: what it is to see, in order. One reader.</summary>
/// <remarks>Items wait in a buffer of <see cref="BufferLimit"/>; a reader that lets it fill is let go: its stream ends, and it
/// begins anew from the last revision that it has. Nobody waits for it.</remarks>
internal sealed class Watcher : IDisposable
{
    /// <summary>References to shared events, not copies.</summary>
    private const int BufferLimit = 10_000;

    private readonly WatchCache _cache;
    private readonly CancellationTokenSource _letGo = new();
    private readonly Channel<WatchItem> _items = Channel.CreateBounded<WatchItem>(
        new BoundedChannelOptions(BufferLimit) { SingleReader = true, SingleWriter = true });

    public Watcher(WatchCache cache, WatchFilter filter, IReadOnlyList<StoredObject> initial, long revision)
    {
        _cache = cache;
        Filter = filter;
        Initial = initial;
        Revision = revision;
        Group = cache.GroupOf(filter);
    }

    public WatchFilter Filter { get; }

    /// <summary>The state it begins with, to be shown as ADDED, not yet filtered; empty if it begins with changes.</summary>
    public IReadOnlyList<StoredObject> Initial { get; }

    /// <summary>Of <see cref="Initial"/>, or where the changes begin.</summary>
    public long Revision { get; }

    /// <summary>By which the cache finds it.</summary>
    public string Group { get; }

    public ChannelReader<WatchItem> Items => _items.Reader;

    /// <summary>When the next bookmark is due, by the cache's clock; max for none.</summary>
    public DateTimeOffset NextBookmark { get; set; } = DateTimeOffset.MaxValue;

    /// <summary>When the watch ends, a bookmark shortly before it if wanted.</summary>
    public DateTimeOffset Deadline { get; set; } = DateTimeOffset.MaxValue;

    public bool WantsBookmarks { get; set; }

    /// <summary>Called by the cache under its lock.</summary>
    public bool Offer(WatchItem item) => _items.Writer.TryWrite(item);

    /// <summary>Cancelled when the reader was too slow.</summary>
    public CancellationToken LetGo => _letGo.Token;

    /// <summary>The reader is too slow: the cache has forgotten it already.</summary>
    public void Drop()
    {
        End();
        // Its continuations write to the network: not on the cache's thread.
        _ = _letGo.CancelAsync();
    }

    /// <summary>No more items; those buffered are still read.</summary>
    public void End() => _items.Writer.TryComplete();

    public void Dispose()
    {
        _cache.Remove(this);
        End();
    }
}
