namespace Orchestrator.Runtime.Kubelet;

/// <summary>One timer for everybody who waits for a time: a pod's back-off, a probe, a pretend container's end.</summary>
/// <remarks>Thousands of nodes share one. What it calls must be quick: it all runs one after another.</remarks>
public sealed class Alarms : IDisposable
{
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private readonly PriorityQueue<Alarm, long> _due = new();
    private readonly ITimer _timer;
    private long _timerTicks = long.MaxValue;
    private bool _isDisposed;

    public Alarms(TimeProvider clock)
    {
        _clock = clock;
        _timer = clock.CreateTimer(_ => Ring(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public TimeProvider Clock => _clock;

    public DateTimeOffset Now => _clock.GetUtcNow();

    /// <summary>Calls <paramref name="action"/> once, at or soon after <paramref name="due"/>.</summary>
    /// <returns>Disposing it before then takes it back.</returns>
    public IDisposable Set(DateTimeOffset due, Action action)
    {
        var alarm = new Alarm(action);
        lock (_gate)
        {
            _due.Enqueue(alarm, due.UtcTicks);
            Wind();
        }
        return alarm;
    }

    /// <summary>Completes after <paramref name="time"/>, without a timer of its own.</summary>
    public async Task DelayAsync(TimeSpan time, CancellationToken ct)
    {
        if (time <= TimeSpan.Zero)
        {
            ct.ThrowIfCancellationRequested();
            return;
        }
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using IDisposable alarm = Set(Now + time, () => done.TrySetResult());
        await done.Task.WaitAsync(ct);
    }

    public void Dispose()
    {
        lock (_gate)
            _isDisposed = true;
        _timer.Dispose();
    }

    private void Ring()
    {
        while (true)
        {
            Alarm alarm;
            lock (_gate)
            {
                long now = Now.UtcTicks;
                if (_isDisposed || !_due.TryPeek(out _, out long due) || due > now)
                {
                    _timerTicks = long.MaxValue;
                    Wind();
                    return;
                }
                alarm = _due.Dequeue();
            }
            alarm.Ring();
        }
    }

    private void Wind()
    {
        if (_isDisposed || !_due.TryPeek(out _, out long due) || due >= _timerTicks)
            return;
        _timerTicks = due;
        long ticks = Math.Max(0, due - Now.UtcTicks);
        long wait = (ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond; // Rather late than rung for nothing.
        _timer.Change(TimeSpan.FromMilliseconds(Math.Min(wait, int.MaxValue / 2)), Timeout.InfiniteTimeSpan);
    }

    private sealed class Alarm(Action action) : IDisposable
    {
        private Action? _action = action;

        public void Ring() => Interlocked.Exchange(ref _action, null)?.Invoke();

        public void Dispose() => _action = null;
    }
}
