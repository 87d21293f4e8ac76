namespace KvStore.Simulation.Scheduling;

/// <summary>The clock of one life of a member: it began at another time than those of others, and may run fast or slow.</summary>
/// <param name="rate">How many of its seconds pass in one of the world's.</param>
internal sealed class MemberClock(VirtualTime time, SimulatedProcess? process = null, double rate = 1, TimeSpan start = default) : TimeProvider
{
    private static readonly DateTimeOffset Calendar = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => start.Ticks + (long)(time.Now.Ticks * rate);

    public override DateTimeOffset GetUtcNow() => Calendar.AddTicks(GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new MemberTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private void Schedule(TimeSpan delay, Action fire) => time.After(delay / rate, process, fire);

    private sealed class MemberTimer(MemberClock clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;
        private long _armed;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _armed++;
            _period = period;
            if (dueTime >= TimeSpan.Zero)
                Arm(dueTime);
            return true;
        }

        public void Dispose() => _armed++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Arm(TimeSpan delay)
        {
            long armed = _armed;
            clock.Schedule(delay, () =>
            {
                if (armed == _armed)
                    Fire();
            });
        }

        private void Fire()
        {
            if (_period > TimeSpan.Zero)
                Arm(_period);
            callback(state);
        }
    }
}
