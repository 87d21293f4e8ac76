namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>A clock that stands until it is advanced; timers fire on the thread that advances it.</summary>
internal sealed class SteppedTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Timer> _timers = [];
    private DateTimeOffset _now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => GetUtcNow().Ticks;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _now;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    public void Advance(TimeSpan time)
    {
        lock (_gate)
            _now += time;
        while (TakeDue() is { } timer)
            timer.Fire();
    }

    /// <summary>On a busy machine the clock would run ahead of those who live by it: what waits for a thread gets one first, and what
    /// that sets going too.</summary>
    public static async Task LetOthersRunAsync()
    {
        const int Hops = 20;
        await Task.Delay(5);
        for (int hop = 0; hop < Hops; hop++)
        {
            var turn = new TaskCompletionSource();
            ThreadPool.QueueUserWorkItem(static turn => turn.SetResult(), turn, preferLocal: false);
            await turn.Task;
        }
    }

    private Timer? TakeDue()
    {
        lock (_gate)
        {
            Timer? due = _timers.FirstOrDefault(timer => timer.Due <= _now);
            if (due is not null)
                _timers.Remove(due);
            return due;
        }
    }

    private sealed class Timer(SteppedTime clock, TimerCallback callback, object? state) : ITimer
    {
        public DateTimeOffset Due { get; private set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                clock._timers.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan)
                    return true;
                Due = clock._now + dueTime;
                clock._timers.Add(this);
            }
            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
