using System.Collections.Concurrent;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Protocol;
using KvStore.Raft;

namespace KvStore.Mvcc.Watches;

/// <summary>Hands each change to the watchers of its key, in order, once, without ever holding up the apply loop.</summary>
/// <remarks>
/// One loop owns all watchers: it calls <see cref="Step"/>; everyone else posts to it. The apply loop publishes a revision, then
/// calls <see cref="Publish"/>, then answers its client: so whoever was answered finds the events already here.
/// A watcher is either synced (it has every event up to <see cref="_position"/>) or behind (it has every event below its
/// <see cref="Watcher.Next"/> and is caught up from history as far as its stream's queue has room).
/// </remarks>
public sealed class WatchHub(IWatchSource source, WatchHubOptions options, Action wake)
{
    private static readonly string CompactedText = EtcdError.Compacted.Text;

    private readonly ConcurrentQueue<Request> _requests = new();
    private readonly ConcurrentQueue<Batch> _published = new();
    private long _backlogBytes;
    private long _backlogEvents;
    private int _hasDropped;

    /// <summary>Watchers, and requests to make one: while it is 0 the apply loop need not bother.</summary>
    private int _interest;

    private readonly WatcherIndex _index = new();
    private readonly HashSet<WatchStream> _streams = [];
    private readonly HashSet<Watcher> _behind = [];
    private readonly List<Watcher> _touched = [];
    private readonly List<List<Watcher>> _found = [];
    private readonly List<StoredEvent> _history = [];
    private readonly List<(WatchStream Stream, long AtLeast)> _progressRequests = [];
    private int _watcherCount;

    /// <summary>Synced watchers have every event up to this main revision.</summary>
    private long _position;

    internal enum RequestKind
    {
        Open,
        Create,
        Cancel,
        Progress,
        Close,
        NotifyProgress,
    }

    private enum Reach
    {
        /// <summary>A watcher is behind or waits for the future, or there is none.</summary>
        NotSynced,

        /// <summary>Events up to the revision have still to come here from the apply loop.</summary>
        OnItsWay,

        Complete,
    }

    public WatchHubOptions Options { get; } = options;

    public int WatcherCount => Volatile.Read(ref _watcherCount);

    public int StreamCount { get; private set; }

    /// <summary>Watchers that are being caught up from history.</summary>
    public int BehindCount { get; private set; }

    public long EventsSent { get; private set; }

    /// <summary>Events of synced watchers that no stream has taken yet.</summary>
    public long PendingEvents => Volatile.Read(ref _backlogEvents);

    /// <param name="wakeSender">Called whenever <see cref="WatchStream.TryTake"/> has something new, on the watch loop.</param>
    /// <param name="wakeReceiver">Called when <see cref="WatchStream.AcceptsRequests"/> has become true again, by any thread.</param>
    public WatchStream OpenStream(Action wakeSender, Action wakeReceiver)
    {
        var stream = new WatchStream(this, wakeSender, wakeReceiver);
        Post(new Request(stream, RequestKind.Open));
        return stream;
    }

    /// <summary>Takes over the events of one published revision. Apply loop only, in order, before the client is answered.</summary>
    public void Publish(long revision, IReadOnlyList<StoredEvent> events)
    {
        if (Volatile.Read(ref _interest) == 0)
            return;
        if (Volatile.Read(ref _backlogBytes) > Options.BacklogBytes)
        {
            Volatile.Write(ref _hasDropped, 1);
            return;
        }
        long bytes = 0;
        foreach (var change in events)
            bytes += change.KeyValue.Length;
        Interlocked.Add(ref _backlogBytes, bytes);
        Interlocked.Add(ref _backlogEvents, events.Count);
        _published.Enqueue(new Batch(revision, events, bytes));
    }

    /// <summary>The state made a leap, by a snapshot: what lies between, history has. Apply loop only.</summary>
    public void Leap()
    {
        Volatile.Write(ref _hasDropped, 1);
        wake();
    }

    /// <summary>Tells the loop that there is something to do; the apply loop does so once for many revisions.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref _interest) != 0 || !_requests.IsEmpty)
            wake();
    }

    /// <summary>Lets watchers that asked for it know how far they are, if they heard nothing since the last call.</summary>
    public void NotifyProgress() => Post(new Request(null, RequestKind.NotifyProgress));

    internal void Post(Request request)
    {
        // Counted before the loop reads the current revision for the new watcher: a revision that it does not find published
        // then is offered to Publish only later, and is seen there.
        if (request.Kind == RequestKind.Create)
            Interlocked.Increment(ref _interest);
        _requests.Enqueue(request);
        wake();
    }

    /// <summary>One bounded piece of work. Watch loop only.</summary>
    /// <returns>Whether there is more to do at once.</returns>
    public bool Step()
    {
        DeliverPublished();
        HandleRequests();
        AnswerProgressRequests();
        bool isBehind = CatchUp();
        BehindCount = _behind.Count;
        return isBehind || !_published.IsEmpty || !_requests.IsEmpty;
    }

    private void DeliverPublished()
    {
        // Read before the queue: what is dropped after this is met in the next step.
        bool hasDropped = Interlocked.Exchange(ref _hasDropped, 0) == 1;
        long bytes = 0;
        while (bytes < Options.CatchUpBytes && _published.TryDequeue(out var batch))
        {
            bytes += batch.Bytes;
            Interlocked.Add(ref _backlogBytes, -batch.Bytes);
            Interlocked.Add(ref _backlogEvents, -batch.Events.Count);
            if (batch.Revision <= _position)
                continue;
            if (batch.Revision > _position + 1)
                LeaveBehind();
            foreach (var change in batch.Events)
                Match(change, isLive: true);
            _position = batch.Revision;
        }
        if (hasDropped)
            LeaveBehind();
        FlushTouched(_position);
    }

    /// <summary>Events were dropped after <see cref="_position"/>: history has them.</summary>
    private void LeaveBehind()
    {
        FlushTouched(_position);
        foreach (var stream in _streams)
        {
            foreach (var watcher in stream.Watchers.Values)
            {
                if (watcher.IsSynced)
                    SetBehind(watcher, Math.Max(watcher.Next, _position + 1));
            }
        }
    }

    private void Match(StoredEvent change, bool isLive)
    {
        _found.Clear();
        _index.Find(change.Key, _found);
        foreach (var watchers in _found)
        {
            foreach (var watcher in watchers)
            {
                if (watcher.IsSynced == isLive && watcher.Wants(change))
                    AddPending(watcher, change);
            }
        }
    }

    private void AddPending(Watcher watcher, StoredEvent change)
    {
        if (watcher.Pending.Count == 0)
            _touched.Add(watcher);
        ReadOnlyMemory<byte> previous = default;
        if (watcher.WantsPrevious && !change.IsCreate)
            previous = change.Previous ??= source.ReadPrevious(change.Key.Span, change.Revision);
        watcher.Pending.Add(new WatchedEvent(change, previous));
    }

    /// <summary>Sends what matched; a watcher whose stream is full falls behind at its first unsent event.</summary>
    private void FlushTouched(long headerRevision)
    {
        foreach (var watcher in _touched)
        {
            if (watcher.Stream.HasRoom())
                SendEvents(watcher, headerRevision);
            else if (watcher.IsSynced)
                SetBehind(watcher, watcher.Pending[0].Event.Revision.Main);
            watcher.Pending.Clear();
        }
        _touched.Clear();
    }

    private void SendEvents(Watcher watcher, long headerRevision)
    {
        var events = watcher.Pending;
        watcher.IsQuiet = false;
        EventsSent += events.Count;
        int from = 0;
        long bytes = 0;
        for (int i = 0; i < events.Count; i++)
        {
            if (watcher.AllowsFragments && i > from && bytes + events[i].SizeBytes > Options.FragmentBytes)
            {
                watcher.Stream.Send(EventMessage(watcher, headerRevision, events[from..i], bytes, isFragment: true));
                from = i;
                bytes = 0;
            }
            bytes += events[i].SizeBytes;
        }
        watcher.Stream.Send(EventMessage(watcher, headerRevision, events[from..], bytes, isFragment: false));
    }

    private static WatchMessage EventMessage(
        Watcher watcher, long headerRevision, List<WatchedEvent> events, long bytes, bool isFragment) => new()
    {
        WatchId = watcher.Id,
        HeaderRevision = headerRevision,
        Events = events,
        IsFragment = isFragment,
        SizeBytes = bytes,
    };

    private void SetBehind(Watcher watcher, long next)
    {
        watcher.IsSynced = false;
        watcher.Next = next;
        _behind.Add(watcher);
    }

    private void HandleRequests()
    {
        // As many as are there now: the loop turns to events again in between.
        for (int i = _requests.Count; i > 0 && _requests.TryDequeue(out var request); i--)
            Handle(request);
    }

    private void Handle(Request request)
    {
        switch (request.Kind)
        {
            case RequestKind.Open: _streams.Add(request.Stream!); break;
            case RequestKind.Create: Create(request.Stream!, request.Create!); break;
            case RequestKind.Cancel: Cancel(request.Stream!, request.WatchId); break;
            case RequestKind.Progress: RequestProgress(request.Stream!); break;
            case RequestKind.Close: Close(request.Stream!); break;
            case RequestKind.NotifyProgress: SendProgressNotices(); break;
        }
        // Only now: its answer, or its place among the progress requests, is counted already.
        if (request.Kind is RequestKind.Create or RequestKind.Cancel or RequestKind.Progress)
            request.Stream!.CloseRequest();
        StreamCount = _streams.Count;
    }

    private void Create(WatchStream stream, WatchCreateRequest request)
    {
        long current = source.CurrentRevision;
        var range = RangeOf(request);
        if (stream.IsClosed || Refusal(stream, request, range) is { } refusal && Refuse(stream, current, refusal))
        {
            Interlocked.Decrement(ref _interest);
            return;
        }
        // With nobody else to serve, everything up to now counts as delivered.
        if (_watcherCount == 0)
            _position = Math.Max(_position, current);
        long next = request.StartRevision == 0 ? current + 1 : request.StartRevision;
        var watcher = new Watcher(stream, IdFor(stream, request.WatchId), range, next, request) { IsSynced = next > current };
        if (!watcher.IsSynced)
            _behind.Add(watcher);
        stream.Watchers.Add(watcher.Id, watcher);
        _index.Add(watcher);
        Volatile.Write(ref _watcherCount, _watcherCount + 1);
        stream.Send(new WatchMessage { WatchId = watcher.Id, HeaderRevision = current, IsCreated = true });
    }

    /// <summary>An empty key stands for the first key there can be.</summary>
    private static KeyRange RangeOf(WatchCreateRequest request) =>
        new(request.Key.IsEmpty ? new byte[] { 0 } : request.Key.Memory, request.RangeEnd.Memory);

    private static string? Refusal(WatchStream stream, WatchCreateRequest request, KeyRange range)
    {
        if (request.StartRevision < 0)
            return CompactedText;
        if (range.IsEmpty)
            return "mvcc: watcher range is empty";
        return request.WatchId != 0 && stream.Watchers.ContainsKey(request.WatchId)
            ? "mvcc: duplicate watch ID provided on the WatchStream"
            : null;
    }

    private static bool Refuse(WatchStream stream, long current, string reason)
    {
        stream.Send(new WatchMessage
        {
            WatchId = WatchMessage.NoWatch,
            HeaderRevision = current,
            IsCreated = true,
            IsCanceled = true,
            CancelReason = reason,
        });
        return true;
    }

    private static long IdFor(WatchStream stream, long chosen)
    {
        if (chosen != 0)
            return chosen;
        while (stream.Watchers.ContainsKey(stream.NextId))
            stream.NextId++;
        return stream.NextId++;
    }

    private void Cancel(WatchStream stream, long watchId)
    {
        if (!stream.Watchers.TryGetValue(watchId, out var watcher))
            return;
        Remove(watcher);
        stream.Send(new WatchMessage { WatchId = watchId, HeaderRevision = source.CurrentRevision, IsCanceled = true });
    }

    /// <summary>Silence when it can not be told now: a watch created later must not be taken for one that was asked about.</summary>
    private void RequestProgress(WatchStream stream)
    {
        long current = source.CurrentRevision;
        if (ReachOf(stream, current) == Reach.NotSynced)
            return;
        stream.OpenRequest();
        _progressRequests.Add((stream, current));
    }

    private void Close(WatchStream stream)
    {
        stream.IsClosed = true;
        foreach (var watcher in stream.Watchers.Values.ToArray())
            Remove(watcher);
        _streams.Remove(stream);
        _progressRequests.RemoveAll(waiting => waiting.Stream == stream);
    }

    private void Remove(Watcher watcher)
    {
        watcher.IsCanceled = true;
        watcher.Stream.Watchers.Remove(watcher.Id);
        _behind.Remove(watcher);
        _index.Remove(watcher);
        Volatile.Write(ref _watcherCount, _watcherCount - 1);
        Interlocked.Decrement(ref _interest);
    }

    /// <summary>Answers behind every event up to the revision that was current when the client asked.</summary>
    private void AnswerProgressRequests()
    {
        for (int i = 0; i < _progressRequests.Count;)
        {
            var (stream, atLeast) = _progressRequests[i];
            var reach = ReachOf(stream, atLeast);
            if (reach == Reach.OnItsWay)
            {
                i++;
                continue;
            }
            if (reach == Reach.Complete)
                stream.Send(new WatchMessage { WatchId = WatchMessage.NoWatch, HeaderRevision = Math.Max(_position, atLeast) });
            _progressRequests.RemoveAt(i);
            stream.CloseRequest();
        }
    }

    private Reach ReachOf(WatchStream stream, long revision)
    {
        var reach = stream.Watchers.Count == 0 ? Reach.NotSynced : Reach.Complete;
        foreach (var watcher in stream.Watchers.Values)
        {
            if (!watcher.IsSynced || watcher.Next - 1 > Math.Max(_position, revision))
                return Reach.NotSynced;
            if (ReachedBy(watcher) < revision)
                reach = Reach.OnItsWay;
        }
        return reach;
    }

    /// <summary>The revision up to which a synced watcher has everything.</summary>
    private long ReachedBy(Watcher watcher) => Math.Max(_position, watcher.Next - 1);

    private void SendProgressNotices()
    {
        long current = source.CurrentRevision;
        foreach (var stream in _streams)
        {
            foreach (var watcher in stream.Watchers.Values)
            {
                bool isDue = watcher.WantsProgress && watcher.IsQuiet && watcher.IsSynced && ReachedBy(watcher) <= current;
                if (isDue && stream.HasRoom())
                    stream.Send(new WatchMessage { WatchId = watcher.Id, HeaderRevision = ReachedBy(watcher) });
                watcher.IsQuiet = true;
            }
        }
    }

    /// <summary>Reads one piece of history for the watchers that are furthest behind and whose streams have room.</summary>
    /// <returns>Whether somebody is still behind and could take more.</returns>
    private bool CatchUp()
    {
        if (_behind.Count == 0)
            return false;
        long current = source.CurrentRevision;
        CancelCompacted();
        long first = long.MaxValue;
        foreach (var watcher in _behind)
        {
            if (watcher.Stream.HasRoom())
                first = Math.Min(first, watcher.Next);
        }
        if (first == long.MaxValue)
            return false;
        long last = first > current ? current : ReadHistory(first, current);
        if (last >= 0)
            AdvanceBehind(first, last, current);
        foreach (var watcher in _behind)
        {
            if (watcher.Stream.HasRoom())
                return true;
        }
        return false;
    }

    /// <returns>The last revision that was read, or -1 when a compaction came in between.</returns>
    private long ReadHistory(long first, long current)
    {
        _history.Clear();
        try
        {
            long last = source.ReadEvents(first, current, Options.CatchUpRevisions, Options.CatchUpBytes, _history);
            Invariant.Holds(last >= first);
            return last;
        }
        catch (EtcdException compacted) when (compacted.Error == EtcdError.Compacted)
        {
            _history.Clear();
            return -1;
        }
    }

    private void AdvanceBehind(long first, long last, long current)
    {
        foreach (var change in _history)
            Match(change, isLive: false);
        _history.Clear();
        foreach (var watcher in _behind.ToArray())
        {
            if (watcher.Next < first || watcher.Next > last + 1 && watcher.Next <= current)
            {
                // This piece of history does not begin where it stands (its stream was full when the piece was chosen), or ends
                // before; its turn comes.
                watcher.Pending.Clear();
                continue;
            }
            if (watcher.Pending.Count > 0 && !watcher.Stream.HasRoom())
            {
                watcher.Pending.Clear();
                continue;
            }
            if (watcher.Pending.Count > 0)
                SendEvents(watcher, last);
            watcher.Pending.Clear();
            watcher.Next = Math.Max(watcher.Next, last + 1);
            if (watcher.Next > current)
                SetSynced(watcher);
        }
        _touched.Clear();
    }

    private void SetSynced(Watcher watcher)
    {
        watcher.IsSynced = true;
        _behind.Remove(watcher);
    }

    private void CancelCompacted()
    {
        long compactRevision = source.CompactRevision;
        foreach (var watcher in _behind.ToArray())
        {
            if (watcher.Next >= compactRevision)
                continue;
            Remove(watcher);
            watcher.Stream.Send(new WatchMessage
            {
                WatchId = watcher.Id,
                HeaderRevision = 0,
                IsCanceled = true,
                CompactRevision = compactRevision,
            });
        }
    }

    internal readonly record struct Request(WatchStream? Stream, RequestKind Kind, long WatchId = 0, WatchCreateRequest? Create = null);

    private readonly record struct Batch(long Revision, IReadOnlyList<StoredEvent> Events, long Bytes);
}
