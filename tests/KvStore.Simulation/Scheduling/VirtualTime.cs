namespace KvStore.Simulation.Scheduling;

/// <summary>The clock of the simulated world, and all that is still to happen in it, in order.</summary>
/// <remarks>
/// It stands still until the simulation moves it to what happens next. Whatever happens belongs to one process, or to the world:
/// a dead process misses it, one that is paused meets it when it runs again.
/// </remarks>
internal sealed class VirtualTime : TimeProvider
{
    private static readonly TimeSpan PausePoll = TimeSpan.FromMilliseconds(10);

    private readonly PriorityQueue<Happening, (long Due, long Sequence)> _happenings = new();
    private long _now;
    private long _sequence;

    public TimeSpan Now => new(_now);

    /// <summary>How many happenings are under way within each other: a step that waits lets others happen meanwhile.</summary>
    public int Depth { get; private set; }

    public long HappeningCount { get; private set; }

    /// <summary>Called after each happening, before the next.</summary>
    public Action Happened { get; set; } = () => { };

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new MemberClock(this).CreateTimer(callback, state, dueTime, period);

    /// <summary>Time passes while something runs; what falls due happens later, and late.</summary>
    public void Pass(TimeSpan duration) => _now += duration.Ticks;

    public void After(TimeSpan delay, SimulatedProcess? process, Action action) => At(Now + delay, process, action);

    public void At(TimeSpan due, SimulatedProcess? process, Action action) =>
        _happenings.Enqueue(new Happening(process, action), (Math.Max(due.Ticks, _now), ++_sequence));

    /// <summary>Completes after so long.</summary>
    public Task Delay(TimeSpan delay)
    {
        var elapsed = new TaskCompletionSource();
        After(delay, null, elapsed.SetResult);
        return elapsed.Task;
    }

    /// <summary>Moves the clock to what happens next, if that is due up to <paramref name="limit"/>, and lets it happen.</summary>
    public bool TryNext(TimeSpan limit)
    {
        while (_happenings.TryPeek(out var next, out var key) && key.Due <= limit.Ticks)
        {
            _happenings.Dequeue();
            _now = Math.Max(_now, key.Due);
            if (IsMissed(next))
                continue;
            Happen(next);
            return true;
        }
        return false;
    }

    /// <summary>Lets everything happen that is due up to then.</summary>
    public void RunUntil(TimeSpan end)
    {
        while (TryNext(end))
        {
        }
        _now = Math.Max(_now, end.Ticks);
    }

    private bool IsMissed(Happening next)
    {
        if (next.Process is not { } process)
            return false;
        bool isPaused = process.PausedUntil.Ticks > _now;
        // Again and again, for the pause may be ended before its time.
        if (process.IsAlive && isPaused)
            _happenings.Enqueue(next, (Math.Min(process.PausedUntil.Ticks, _now + PausePoll.Ticks), ++_sequence));
        return !process.IsAlive || isPaused;
    }

    private void Happen(Happening next)
    {
        HappeningCount++;
        Depth++;
        if (next.Process is { } process)
            process.Run(next.Action);
        else
            next.Action();
        Happened();
        Depth--;
    }

    private readonly record struct Happening(SimulatedProcess? Process, Action Action);
}
