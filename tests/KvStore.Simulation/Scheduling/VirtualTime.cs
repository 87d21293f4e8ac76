namespace KvStore.Simulation.Scheduling;

/// <summary>A clock that stands still until the simulation moves it to the next timer.</summary>
public sealed class VirtualTime : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<VirtualTimer, (long Due, long Sequence)> _timers = new();
    private long _now;
    private long _sequence;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public TimeSpan Elapsed => new(_now);

    public override long GetTimestamp() => _now;

    public override DateTimeOffset GetUtcNow() => Start.AddTicks(_now);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Time passes while something runs; what falls due fires later, and late.</summary>
    public void Pass(TimeSpan duration) => _now += duration.Ticks;

    /// <summary>Forgets all timers: their process died.</summary>
    public void KillTimers() => _timers.Clear();

    /// <summary>Moves the clock to the next timer, if there is one up to <paramref name="limit"/>, and fires it.</summary>
    public bool FireNext(TimeSpan limit)
    {
        while (_timers.TryPeek(out var timer, out var key))
        {
            if (key.Due > limit.Ticks)
                return false;
            _timers.Dequeue();
            if (!timer.IsDue(key.Sequence))
                continue;
            _now = Math.Max(_now, key.Due);
            timer.Fire();
            return true;
        }
        return false;
    }

    private long Schedule(VirtualTimer timer, TimeSpan dueTime)
    {
        long sequence = ++_sequence;
        _timers.Enqueue(timer, (_now + dueTime.Ticks, sequence));
        return sequence;
    }

    private sealed class VirtualTimer(VirtualTime time, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;
        private long _armed;

        public bool IsDue(long sequence) => _armed == sequence;

        public void Fire()
        {
            _armed = 0;
            if (_period > TimeSpan.Zero)
                _armed = time.Schedule(this, _period);
            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _period = period;
            _armed = dueTime >= TimeSpan.Zero ? time.Schedule(this, dueTime) : 0;
            return true;
        }

        public void Dispose() => _armed = 0;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
