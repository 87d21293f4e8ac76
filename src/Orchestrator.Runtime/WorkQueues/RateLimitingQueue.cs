using System.Diagnostics.CodeAnalysis;

namespace Orchestrator.Runtime.WorkQueues;

/// <summary>client-go's work queue: keys to look at, each at most once at a time.</summary>
/// <remarks>
/// A key that is added twice is handed out once. One that is added while it is being processed is handed out again after
/// <see cref="Done"/>, never to two workers at once. Delayed keys come when they are due; a key that waits already keeps the
/// earlier time. Thread-safe. Example of its state, with the key "a":
/// <code>
/// Add(a)      dirty {a}  queue [a]  processing {}
/// TryTake -> a  dirty {}   queue []   processing {a}
/// Add(a)      dirty {a}  queue []   processing {a}
/// Done(a)     dirty {a}  queue [a]  processing {}
/// </code>
/// </remarks>
public sealed class RateLimitingQueue<T> : IDisposable
    where T : notnull
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly ItemBackoff<T> _backoff;
    private readonly long _start;
    private readonly ITimer _timer;

    private readonly Queue<T> _queue = new();
    private readonly HashSet<T> _dirty = [];
    private readonly HashSet<T> _processing = [];
    private readonly PriorityQueue<T, (TimeSpan Due, long Number)> _waiting = new();
    private readonly Dictionary<T, TimeSpan> _due = [];
    private readonly Queue<TaskCompletionSource<bool>> _takers = new();
    private TaskCompletionSource? _drained;
    private TimeSpan? _timerDue;
    private long _waitingNumber;
    private bool _isShutDown;

    public RateLimitingQueue(TimeProvider? time = null, ItemBackoff<T>? backoff = null)
    {
        _time = time ?? TimeProvider.System;
        _backoff = backoff ?? new ItemBackoff<T>();
        _start = _time.GetTimestamp();
        _timer = _time.CreateTimer(static queue => ((RateLimitingQueue<T>)queue!).MoveDue(), this,
            Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Keys that are due; those being processed and those that wait for their time are not counted.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _queue.Count;
        }
    }

    /// <summary>Whether no key is due, being processed or waiting.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
                return _queue.Count == 0 && _processing.Count == 0 && _due.Count == 0;
        }
    }

    /// <summary>Keys that wait for their time.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_lock)
                return _due.Count;
        }
    }

    public bool IsShutDown
    {
        get
        {
            lock (_lock)
                return _isShutDown;
        }
    }

    /// <summary>Queues a key, unless it is queued already or the queue is shut down.</summary>
    public void Add(T item)
    {
        lock (_lock)
            AddLocked(item);
    }

    /// <summary>Queues a key once <paramref name="delay"/> has passed.</summary>
    public void AddAfter(T item, TimeSpan delay)
    {
        lock (_lock)
        {
            if (_isShutDown)
                return;
            if (delay <= TimeSpan.Zero)
            {
                AddLocked(item);
                return;
            }
            var due = Elapsed() + delay;
            if (_due.TryGetValue(item, out var earlier) && earlier <= due)
                return;
            // An older, later entry of the same key stays in the heap and is passed over when its time comes.
            _due[item] = due;
            _waiting.Enqueue(item, (due, _waitingNumber++));
            SetTimer();
        }
    }

    /// <summary>Queues a key after its own back-off: 5 ms, doubled with each call since the last <see cref="Forget"/>.</summary>
    public void AddRateLimited(T item) => AddAfter(item, _backoff.Next(item));

    /// <summary>The key's back-off starts anew. To be called when it was processed well.</summary>
    public void Forget(T item) => _backoff.Forget(item);

    /// <summary>How often the key was added with back-off since it was last forgotten.</summary>
    public int RequeueCount(T item) => _backoff.FailureCount(item);

    /// <summary>Waits until there is something to take.</summary>
    /// <returns>False when the queue is shut down and everything was taken.</returns>
    public ValueTask<bool> WaitToTakeAsync(CancellationToken cancellation = default)
    {
        TaskCompletionSource<bool> taker;
        lock (_lock)
        {
            if (_queue.Count > 0)
                return ValueTask.FromResult(true);
            if (_isShutDown)
                return ValueTask.FromResult(false);
            taker = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            _takers.Enqueue(taker);
        }
        return new ValueTask<bool>(cancellation.CanBeCanceled ? WaitAsync(taker, cancellation) : taker.Task);
    }

    /// <summary>Takes the oldest key, if there is one. <see cref="Done"/> must follow.</summary>
    public bool TryTake([MaybeNullWhen(false)] out T item)
    {
        lock (_lock)
        {
            if (!_queue.TryDequeue(out item))
                return false;
            _dirty.Remove(item);
            _processing.Add(item);
            return true;
        }
    }

    /// <summary>The key that was taken has been processed.</summary>
    public void Done(T item)
    {
        lock (_lock)
        {
            _processing.Remove(item);
            if (_dirty.Contains(item))
                Enqueue(item);
            else if (_processing.Count == 0)
                _drained?.TrySetResult();
        }
    }

    /// <summary>No more keys are taken in; those that are queued are still handed out.</summary>
    public void ShutDown()
    {
        lock (_lock)
        {
            _isShutDown = true;
            _waiting.Clear();
            _due.Clear();
            while (_takers.TryDequeue(out var taker))
                taker.TrySetResult(_queue.Count > 0);
        }
    }

    /// <summary>As <see cref="ShutDown"/>, and waits until what is being processed is done.</summary>
    public Task ShutDownWithDrainAsync()
    {
        ShutDown();
        lock (_lock)
        {
            if (_processing.Count == 0 && _queue.Count == 0)
                return Task.CompletedTask;
            _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _drained.Task;
        }
    }

    public void Dispose()
    {
        ShutDown();
        _timer.Dispose();
    }

    private void AddLocked(T item)
    {
        if (_isShutDown || !_dirty.Add(item))
            return;
        if (!_processing.Contains(item))
            Enqueue(item);
    }

    private void Enqueue(T item)
    {
        _queue.Enqueue(item);
        // A taker that was cancelled takes no wake-up with it.
        while (_takers.TryDequeue(out var taker))
        {
            if (taker.TrySetResult(true))
                return;
        }
    }

    private static async Task<bool> WaitAsync(TaskCompletionSource<bool> taker, CancellationToken cancellation)
    {
        await using var registration = cancellation.Register(
            static (state, token) => ((TaskCompletionSource<bool>)state!).TrySetCanceled(token), taker);
        return await taker.Task;
    }

    private void MoveDue()
    {
        lock (_lock)
        {
            var now = Elapsed();
            _timerDue = null;
            while (_waiting.TryPeek(out var item, out var priority) && priority.Due <= now)
            {
                _waiting.Dequeue();
                if (_due.TryGetValue(item, out var due) && due == priority.Due)
                {
                    _due.Remove(item);
                    AddLocked(item);
                }
            }
            SetTimer();
        }
    }

    private void SetTimer()
    {
        if (!_waiting.TryPeek(out _, out var next) || (_timerDue is { } set && set <= next.Due))
            return;
        _timerDue = next.Due;
        var delay = next.Due - Elapsed();
        _timer.Change(delay > TimeSpan.Zero ? RoundUp(delay) : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    // Timers count whole milliseconds; one that came a little early would find nothing due.
    private static TimeSpan RoundUp(TimeSpan delay) =>
        TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(delay.TotalMilliseconds), int.MaxValue));

    private TimeSpan Elapsed() => _time.GetElapsedTime(_start);
}
