using System.Collections.Concurrent;
using KvStore.Protocol;
using KvStore.Raft;

namespace KvStore.Mvcc.Watches;

/// <summary>The server's half of a client's watch stream: requests go in, messages come out in the order they must be sent.</summary>
/// <remarks>
/// Requests and <see cref="TryTake"/> may be called by any thread, one at a time each; all else is the watch loop's.
/// Events that nobody takes are left in history, and so have their limit. What is asked of the stream has its limit by
/// <see cref="AcceptsRequests"/>: whoever passes requests on looks at it before each.
/// </remarks>
public sealed class WatchStream
{
    private readonly WatchHub _hub;
    private readonly Action _wakeSender;
    private readonly Action _wakeReceiver;
    private readonly ConcurrentQueue<WatchMessage> _outgoing = new();
    private int _queuedMessages;
    private long _queuedBytes;
    private int _isStarved;

    /// <summary>Requests that the hub has not dealt with, and control messages that were not taken.</summary>
    private int _openRequests;

    internal WatchStream(WatchHub hub, Action wakeSender, Action wakeReceiver)
    {
        _hub = hub;
        _wakeSender = wakeSender;
        _wakeReceiver = wakeReceiver;
    }

    /// <summary>Whether the next request may be passed on. When not, the receiver is woken once half of what waits is gone.</summary>
    public bool AcceptsRequests => Volatile.Read(ref _openRequests) < _hub.Options.StreamRequests;

    /// <summary>Owned by the watch loop.</summary>
    internal Dictionary<long, Watcher> Watchers { get; } = [];

    internal long NextId { get; set; }

    internal bool IsClosed { get; set; }

    public void Create(WatchCreateRequest request) => Request(new WatchHub.Request(this, WatchHub.RequestKind.Create, Create: request));

    public void Cancel(long watchId) => Request(new WatchHub.Request(this, WatchHub.RequestKind.Cancel, watchId));

    /// <summary>Asks for one message that says how far the stream is; silence when a watcher is behind or none is there.</summary>
    public void RequestProgress() => Request(new WatchHub.Request(this, WatchHub.RequestKind.Progress));

    public void Close() => _hub.Post(new WatchHub.Request(this, WatchHub.RequestKind.Close));

    /// <summary>Takes the next message to send; when there is none, the sender will be woken.</summary>
    public bool TryTake(out WatchMessage message)
    {
        if (!_outgoing.TryDequeue(out message!))
            return false;
        if (message.IsControl)
            CloseRequest();
        int messages = Interlocked.Decrement(ref _queuedMessages);
        long bytes = Interlocked.Add(ref _queuedBytes, -message.SizeBytes);
        bool isHalfEmpty = messages <= _hub.Options.StreamQueueMessages / 2 && bytes <= _hub.Options.StreamQueueBytes / 2;
        if (isHalfEmpty && Interlocked.Exchange(ref _isStarved, 0) == 1)
            _hub.Wake();
        return true;
    }

    /// <summary>Whether event messages may be added. When not, the sender wakes the hub once it has taken half of them.</summary>
    internal bool HasRoom()
    {
        if (IsBelowLimits())
            return true;
        Interlocked.Exchange(ref _isStarved, 1);
        // The sender may have emptied the queue before it could see the mark.
        return IsBelowLimits();
    }

    internal void Send(WatchMessage message)
    {
        if (message.IsControl)
            OpenRequest();
        Interlocked.Increment(ref _queuedMessages);
        Interlocked.Add(ref _queuedBytes, message.SizeBytes);
        _outgoing.Enqueue(message);
        _wakeSender();
    }

    internal void OpenRequest() => Interlocked.Increment(ref _openRequests);

    /// <summary>Counts one down by one, so that every way from the limit to nothing passes its half.</summary>
    internal void CloseRequest()
    {
        int open = Interlocked.Decrement(ref _openRequests);
        Invariant.Holds(open >= 0);
        if (open == _hub.Options.StreamRequests / 2)
            _wakeReceiver();
    }

    private void Request(WatchHub.Request request)
    {
        OpenRequest();
        _hub.Post(request);
    }

    private bool IsBelowLimits() =>
        Volatile.Read(ref _queuedMessages) < _hub.Options.StreamQueueMessages && Volatile.Read(ref _queuedBytes) < _hub.Options.StreamQueueBytes;
}
