using System.Collections.Concurrent;
using KvStore.Protocol;

namespace KvStore.Mvcc.Watches;

/// <summary>The server's half of a client's watch stream: requests go in, messages come out in the order they must be sent.</summary>
/// <remarks>Requests and <see cref="TryTake"/> may be called by any thread, one at a time each; all else is the watch loop's.</remarks>
public sealed class WatchStream
{
    private readonly WatchHub _hub;
    private readonly Action _wakeSender;
    private readonly ConcurrentQueue<WatchMessage> _outgoing = new();
    private int _queuedMessages;
    private long _queuedBytes;
    private int _isStarved;

    internal WatchStream(WatchHub hub, Action wakeSender)
    {
        _hub = hub;
        _wakeSender = wakeSender;
    }

    /// <summary>Owned by the watch loop.</summary>
    internal Dictionary<long, Watcher> Watchers { get; } = [];

    internal long NextId { get; set; }

    internal bool IsClosed { get; set; }

    public void Create(WatchCreateRequest request) => _hub.Post(new WatchHub.Request(this, WatchHub.RequestKind.Create, Create: request));

    public void Cancel(long watchId) => _hub.Post(new WatchHub.Request(this, WatchHub.RequestKind.Cancel, watchId));

    /// <summary>Asks for one message that says how far the stream is; silence when a watcher is behind or none is there.</summary>
    public void RequestProgress() => _hub.Post(new WatchHub.Request(this, WatchHub.RequestKind.Progress));

    public void Close() => _hub.Post(new WatchHub.Request(this, WatchHub.RequestKind.Close));

    /// <summary>Takes the next message to send; when there is none, the sender will be woken.</summary>
    public bool TryTake(out WatchMessage message)
    {
        if (!_outgoing.TryDequeue(out message!))
            return false;
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
        Interlocked.Increment(ref _queuedMessages);
        Interlocked.Add(ref _queuedBytes, message.SizeBytes);
        _outgoing.Enqueue(message);
        _wakeSender();
    }

    private bool IsBelowLimits() =>
        Volatile.Read(ref _queuedMessages) < _hub.Options.StreamQueueMessages && Volatile.Read(ref _queuedBytes) < _hub.Options.StreamQueueBytes;
}
