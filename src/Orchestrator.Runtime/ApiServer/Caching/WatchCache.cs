using System.Collections.Immutable;
using KvStore.Client;
using KvStore.Protocol;
using Microsoft.Extensions.Logging;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>All objects of one resource in memory, kept up by one watch of the store; serves lists and watches.</summary>
/// <remarks>
/// A single task applies the store's events: object made once, snapshot replaced, event offered to the watchers concerned.
/// Readers take the snapshot without a lock. Watchers whose filter names one value of the indexed field (pods of a node), or one
/// name, are found through a table, so that an event does not cost as much as there are watchers.
/// </remarks>
internal sealed partial class WatchCache : IAsyncDisposable
{
    /// <summary>How often <see cref="Tick"/> is to be called.</summary>
    public static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);

    private const int PageSize = 1_000;

    /// <summary>So many keys whose values can not be read are named in lists; what is beyond is only logged.</summary>
    private const int UnreadableLimit = 100;

    private const string Unindexed = "";

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan BookmarkInterval = TimeSpan.FromMinutes(1);

    /// <summary>So long before its end a watch gets its last bookmark.</summary>
    private static readonly TimeSpan LastBookmarkLead = TimeSpan.FromSeconds(2);

    private static readonly ImmutableSortedSet<string> NoKeys = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);

    private readonly EtcdClient _store;
    private readonly StoredResource _resource;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly EventWindow _window = new();
    private readonly Dictionary<string, HashSet<Watcher>> _watchers = new(StringComparer.Ordinal);
    private readonly PriorityQueue<TaskCompletionSource, long> _waiting = new();
    private readonly Task _run;
    private TaskCompletionSource _filled = NewSource();

    // Changed by the one task that reads; others see it in the state.
    private ImmutableSortedSet<string> _unreadable = NoKeys;
    private volatile CacheState _state = new(ObjectSnapshot.Empty, 0);
    private volatile Watch? _watch;

    public WatchCache(EtcdClient store, StoredResource resource, TimeProvider clock, ILogger log)
    {
        _store = store;
        _resource = resource;
        _clock = clock;
        _log = log;
        _run = Task.Run(RunAsync);
    }

    /// <summary>Readers that wait for a revision.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    public int WatcherCount
    {
        get
        {
            lock (_gate)
                return _watchers.Values.Sum(group => group.Count);
        }
    }

    /// <summary>Everything at one revision; what <see cref="FilledAsync"/> was awaited for.</summary>
    public CacheState State => _state;

    /// <summary>The cache has read the store once.</summary>
    public Task FilledAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return _filled.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Waits until everything up to the revision is in the cache.</summary>
    /// <returns>False if the time is up before.</returns>
    public async Task<bool> ReachAsync(long revision, TimeSpan limit, CancellationToken cancellationToken)
    {
        await FilledAsync(cancellationToken).ConfigureAwait(false);
        if (_state.Revision >= revision)
            return true;
        TaskCompletionSource reached;
        lock (_gate)
        {
            if (_state.Revision >= revision)
                return true;
            reached = NewSource();
            _waiting.Enqueue(reached, revision);
        }

        // Only an event, or progress that is asked for, tells how far the store is. The first question may be in vain (another
        // watch on the stream lags behind), so it is repeated, ever less often.
        var pause = TimeSpan.FromMilliseconds(5);
        long start = _clock.GetTimestamp();
        try
        {
            while (true)
            {
                _watch?.RequestProgress();
                await Task.WhenAny(reached.Task, Task.Delay(pause, _clock, cancellationToken)).ConfigureAwait(false);
                if (reached.Task.IsCompleted)
                    return true;
                cancellationToken.ThrowIfCancellationRequested();
                if (_clock.GetElapsedTime(start) >= limit)
                    return false;
                pause = TimeSpan.FromMilliseconds(Math.Min(100, pause.TotalMilliseconds * 2));
            }
        }
        finally
        {
            GiveUp(reached);
        }
    }

    /// <summary>Nobody waits any more for a revision that may never come.</summary>
    private void GiveUp(TaskCompletionSource reached)
    {
        if (reached.Task.IsCompleted)
            return;
        lock (_gate)
            _waiting.Remove(reached, out _, out _);
    }

    /// <summary>A watcher that begins with what is there now.</summary>
    public Watcher WatchFromNow(WatchFilter filter, Action<Watcher> prepare)
    {
        lock (_gate)
        {
            var state = _state;
            var watcher = new Watcher(this, filter, [.. state.Snapshot.Range(filter.KeyPrefix)], state.Revision);
            prepare(watcher);
            Add(watcher);
            return watcher;
        }
    }

    /// <summary>A watcher of what comes after a revision.</summary>
    /// <returns>Null if the events after it are no longer here; then <paramref name="oldest"/> is the oldest possible
    /// revision.</returns>
    public Watcher? WatchAfter(long revision, WatchFilter filter, Action<Watcher> prepare, out long oldest)
    {
        lock (_gate)
        {
            oldest = _window.StartsAfter;
            if (revision < oldest)
                return null;
            var watcher = new Watcher(this, filter, [], revision);
            prepare(watcher);
            foreach (var value in _window.After(revision))
            {
                if (value.Seen(filter) is { } item && !watcher.Offer(item))
                    return null;
            }

            Add(watcher);
            return watcher;
        }
    }

    /// <summary>The state at a past revision, if nothing has changed since.</summary>
    public CacheState? TryStateAt(long revision)
    {
        var state = _state;
        return revision <= state.Revision && revision >= state.LastChange && state.LastChange > 0 ? state with { Revision = revision } : null;
    }

    public void Remove(Watcher watcher)
    {
        lock (_gate)
        {
            if (_watchers.TryGetValue(watcher.Group, out var group) && group.Remove(watcher) && group.Count == 0)
                _watchers.Remove(watcher.Group);
        }
    }

    /// <summary>Where watchers with this filter are kept: all events that match it concern this group or that of all.</summary>
    public string GroupOf(WatchFilter filter)
    {
        if (_resource.IndexedField is { } field && filter.Fields is { } fields && fields.TryGetExact(field, out string? value))
            return IndexGroup(value);
        string? name = filter.Name.Length > 0 ? filter.Name : null;
        if (name is null && filter.Fields is { } selector && selector.TryGetExact("metadata.name", out string? exact))
            name = exact;
        if (name is null)
            return filter.Namespace.Length == 0 ? Unindexed : NamespaceGroup(filter.Namespace);
        return filter.Namespace.Length == 0 && _resource.Description.IsNamespaced
            ? Unindexed
            : KeyGroup(filter.KeyPrefix + name);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        EndWatchers();
        _stop.Dispose();
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static string IndexGroup(string value) => "=" + value;

    private static string NamespaceGroup(string ns) => "/" + ns;

    private static string KeyGroup(string key) => "#" + key;

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                long revision = await FillAsync().ConfigureAwait(false);
                await FollowAsync(revision).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (EtcdException exception)
            {
                // Compacted past us, or the store is away: all is read anew.
                LogLost(exception, _resource.Prefix);
                await PauseAsync().ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                // Top of the loop. Lists and watches of this resource wait until it succeeds.
                LogBroken(exception, _resource.Prefix);
                await PauseAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task PauseAsync()
    {
        await Task.Delay(RetryDelay, _clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<long> FillAsync()
    {
        var objects = new List<StoredObject>();
        long revision = 0;
        _unreadable = NoKeys;
        await foreach (var page in _store.Kv.RangeStreamAsync(
            KeyRange.Prefix(_resource.Prefix), PageSize, cancellationToken: _stop.Token).ConfigureAwait(false))
        {
            revision = revision == 0 ? page.Header.Revision : revision;
            foreach (var kv in page.Kvs)
            {
                if (Read(kv) is { } value)
                    objects.Add(value);
            }
        }

        objects.Sort(static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        long lastChange = objects.Count == 0 ? 0 : objects.Max(value => value.Revision);
        lock (_gate)
        {
            // Whoever watched a state that may have had more changes has to begin anew.
            EndWatchers();
            _window.Reset(revision);
            _resource.ForgetWritten();
            // A deletion is not seen in what is left: the whole past is unknown.
            Publish(new CacheState(ObjectSnapshot.Of(objects), revision) { LastChange = Math.Max(lastChange, revision), Unreadable = _unreadable });
            _filled.TrySetResult();
        }

        return revision;
    }

    private async Task FollowAsync(long revision)
    {
        await using var watch = await _store.Watch.StartAsync(
            KeyRange.Prefix(_resource.Prefix), new WatchOptions { StartRevision = revision + 1, WithProgress = true },
            _stop.Token).ConfigureAwait(false);
        _watch = watch;
        try
        {
            await foreach (var batch in watch.ReadAllAsync(_stop.Token).ConfigureAwait(false))
                Apply(batch);
        }
        finally
        {
            _watch = null;
        }
    }

    private void Apply(WatchBatch batch)
    {
        lock (_gate)
        {
            var now = _clock.GetUtcNow();
            var state = _state;
            var snapshot = state.Snapshot;
            long lastChange = state.LastChange;
            foreach (var change in batch.Events)
            {
                if (ToEvent(snapshot, change) is not { } value)
                    continue;
                snapshot = value.After is { } after ? snapshot.Set(after) : snapshot.Remove(value.Key);
                lastChange = value.Revision;
                _window.Add(value, now);
                Offer(value);
            }

            if (batch.Revision > state.Revision || lastChange > state.LastChange)
                Publish(new CacheState(snapshot, Math.Max(batch.Revision, state.Revision)) { LastChange = lastChange, Unreadable = _unreadable });
        }
    }

    /// <returns>Null if it changes nothing that clients could see.</returns>
    private CachedEvent? ToEvent(ObjectSnapshot snapshot, Event change)
    {
        string key = _resource.KeyOf(change.Kv.Key.Span);
        var before = snapshot.Find(key);
        StoredObject? after = null;
        if (change.Type == Event.Types.EventType.Delete)
        {
            _resource.ForgetWritten(key);
            _unreadable = _unreadable.Remove(key);
        }
        else
        {
            after = Read(change.Kv);
        }

        return before is null && after is null ? null : new CachedEvent(change.Kv.ModRevision, before, after);
    }

    private StoredObject? Read(KeyValue kv)
    {
        try
        {
            var value = _resource.Observe(kv);
            _unreadable = _unreadable.Remove(value.Key);
            return value;
        }
        catch (UnreadableValueException exception)
        {
            // It is not served, lists say so, and nothing else suffers.
            LogUnreadable(exception, kv.Key.ToStringUtf8());
            if (_unreadable.Count < UnreadableLimit)
                _unreadable = _unreadable.Add(_resource.KeyOf(kv.Key.Span));
            return null;
        }
    }

    private void Publish(CacheState state)
    {
        _state = state;
        while (_waiting.TryPeek(out var reached, out long revision) && revision <= state.Revision)
        {
            _waiting.Dequeue();
            reached.TrySetResult();
        }
    }

    private void Offer(CachedEvent value)
    {
        OfferTo(Unindexed, value);
        if (_watchers.Count == 0)
            return;
        OfferTo(KeyGroup(value.Key), value);
        if (_resource.Description.IsNamespaced)
            OfferTo(NamespaceGroup((value.After ?? value.Before)!.Namespace), value);
        if (_resource.IndexedField is null)
            return;
        if (value.After is { } after)
            OfferTo(IndexGroup(after.IndexValue), value);
        if (value.Before is { } before && before.IndexValue != value.After?.IndexValue)
            OfferTo(IndexGroup(before.IndexValue), value);
    }

    private void OfferTo(string group, CachedEvent value)
    {
        if (!_watchers.TryGetValue(group, out var watchers))
            return;
        List<Watcher>? slow = null;
        foreach (var watcher in watchers)
        {
            if (value.Seen(watcher.Filter) is { } item && !watcher.Offer(item))
                (slow ??= []).Add(watcher);
        }

        foreach (var watcher in slow ?? [])
        {
            LogSlow(_resource.Prefix);
            watchers.Remove(watcher);
            watcher.Drop();
        }

        if (watchers.Count == 0)
            _watchers.Remove(group);
    }

    private void Add(Watcher watcher)
    {
        if (!_watchers.TryGetValue(watcher.Group, out var group))
            _watchers[watcher.Group] = group = [];
        group.Add(watcher);
        if (watcher.WantsBookmarks)
            watcher.NextBookmark = BookmarkAfter(watcher, _clock.GetUtcNow());
    }

    private static DateTimeOffset BookmarkAfter(Watcher watcher, DateTimeOffset now)
    {
        if (watcher.Deadline == DateTimeOffset.MaxValue)
            return now + BookmarkInterval;
        var last = watcher.Deadline - LastBookmarkLead;
        if (now >= last)
            return DateTimeOffset.MaxValue;
        return now + BookmarkInterval < last ? now + BookmarkInterval : last;
    }

    private void EndWatchers()
    {
        lock (_gate)
        {
            foreach (var watcher in _watchers.Values.SelectMany(group => group))
                watcher.End();
            _watchers.Clear();
        }
    }

    /// <summary>Ends watches whose time is up, and gives bookmarks.</summary>
    public void Tick()
    {
        bool isProgressWanted = false;
        lock (_gate)
        {
            var now = _clock.GetUtcNow();
            List<Watcher>? ended = null;
            foreach (var watcher in _watchers.Values.SelectMany(static group => group))
            {
                if (now >= watcher.NextBookmark)
                {
                    watcher.Offer(new WatchItem(WatchItemType.Bookmark, null, _state.Revision));
                    watcher.NextBookmark = BookmarkAfter(watcher, now);
                }

                if (now >= watcher.Deadline)
                    (ended ??= []).Add(watcher);
                // Asked for in time for the next bookmark to be worth something.
                isProgressWanted |= watcher.NextBookmark - now <= 2 * TickInterval;
            }

            foreach (var watcher in ended ?? [])
            {
                Remove(watcher);
                watcher.End();
            }
        }

        if (isProgressWanted)
            _watch?.RequestProgress();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the watch of {prefix} was lost and begins anew")]
    private partial void LogLost(Exception exception, string prefix);

    [LoggerMessage(Level = LogLevel.Error, Message = "the cache of {prefix} failed and begins anew")]
    private partial void LogBroken(Exception exception, string prefix);

    [LoggerMessage(Level = LogLevel.Error, Message = "the value of {key} can not be read and is not served")]
    private partial void LogUnreadable(Exception exception, string key);

    [LoggerMessage(Level = LogLevel.Warning, Message = "a watcher of {prefix} was too slow and is let go")]
    private partial void LogSlow(string prefix);
}

/// <param name="Revision">All changes up to this one are in the snapshot.</param>
internal sealed record CacheState(ObjectSnapshot Snapshot, long Revision)
{
    /// <summary>Nothing has changed between this revision and <see cref="Revision"/>.</summary>
    public long LastChange { get; init; }

    /// <summary>Keys that are there too, but whose values are no such objects; the first of them.</summary>
    public ImmutableSortedSet<string> Unreadable { get; init; } = [];
}
