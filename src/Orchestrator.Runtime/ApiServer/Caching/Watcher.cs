using System.Threading.Channels;

namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>One client's watch on a <see cref="WatchCache"/>: what it is to see, in order. One reader.</summary>
/// <remarks>Items wait in a buffer of <see cref="BufferLimit"/> and <see cref="BufferLimitBytes"/>; a reader that lets it fill is let go: its stream ends, and it
/// begins anew from the last revision that it has. Nobody waits for it.</remarks>
internal sealed class Watcher : IDisposable
{
    /// <summary>References to shared events, not copies.</summary>
    private const int BufferLimit = 10_000;

    /// <summary>Of the states that the buffer keeps in memory, which may be old ones that nobody else has any more.</summary>
    private const long BufferLimitBytes = 64L * 1024 * 1024;

    private readonly WatchCache _cache;
    private long _bufferedBytes;
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

    /// <summary>Whether there is something to take; false at the end.</summary>
    public ValueTask<bool> WaitToTakeAsync(CancellationToken cancellationToken) => _items.Reader.WaitToReadAsync(cancellationToken);

    /// <summary>When the next bookmark is due, by the cache's clock; max for none.</summary>
    public DateTimeOffset NextBookmark { get; set; } = DateTimeOffset.MaxValue;

    /// <summary>When the watch ends, a bookmark shortly before it if wanted.</summary>
    public DateTimeOffset Deadline { get; set; } = DateTimeOffset.MaxValue;

    public bool WantsBookmarks { get; set; }

    /// <summary>Called by the cache under its lock.</summary>
    /// <returns>False when the buffer is full.</returns>
    public bool Offer(WatchItem item)
    {
        long size = SizeOf(item);
        // One that is larger than the limit alone is still let in.
        if (Interlocked.Add(ref _bufferedBytes, size) > BufferLimitBytes && size < Interlocked.Read(ref _bufferedBytes))
            return false;
        return _items.Writer.TryWrite(item);
    }

    /// <summary>Called by the reader.</summary>
    public bool TryTake(out WatchItem item)
    {
        if (!_items.Reader.TryRead(out item))
            return false;
        Interlocked.Add(ref _bufferedBytes, -SizeOf(item));
        return true;
    }

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

    private static long SizeOf(WatchItem item) => item.Object?.Json.Length ?? 0;
}
