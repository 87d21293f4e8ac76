namespace KvStore.Server.Tests.Peers;

/// <summary>A clock that stands until it is advanced; timers fire, as often as they are due, on the thread that advances it.</summary>
internal sealed class SteppedClock : TimeProvider
{
    private readonly Lock _changing = new();
    private readonly List<Timer> _timers = [];
    private long _nowTicks = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero).Ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _nowTicks);

    public override DateTimeOffset GetUtcNow() => new(GetTimestamp(), TimeSpan.Zero);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    public void Advance(TimeSpan time)
    {
        Timer[] due;
        lock (_changing)
        {
            long now = Interlocked.Add(ref _nowTicks, time.Ticks);
            due = [.. _timers.Where(timer => timer.DueTicks <= now)];
        }
        foreach (var timer in due)
            timer.Fire();
    }

    private sealed class Timer(SteppedClock clock, Action callback) : ITimer
    {
        private TimeSpan _period;

        public long DueTicks { get; private set; }

        public void Fire()
        {
            Change(_period, _period);
            callback();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._changing)
            {
                clock._timers.Remove(this);
                _period = period;
                DueTicks = clock.GetTimestamp() + dueTime.Ticks;
                if (dueTime != Timeout.InfiniteTimeSpan)
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
