namespace KvStore.Server.Tests.Http;

/// <summary>A clock whose timers go off when the test says so.</summary>
internal sealed class ManualTimers : TimeProvider
{
    private readonly List<Timer> _timers = [];

    public TimeSpan LastDueTime { get; private set; }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(() => callback(state));
        if (dueTime != Timeout.InfiniteTimeSpan)
            LastDueTime = dueTime;
        _timers.Add(timer);
        return timer;
    }

    public void FireAll()
    {
        foreach (Timer timer in _timers.ToArray())
            timer.Fire();
    }

    private sealed class Timer(Action fire) : ITimer
    {
        private bool _isDisposed;

        public void Fire()
        {
            if (!_isDisposed)
                fire();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose() => _isDisposed = true;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
