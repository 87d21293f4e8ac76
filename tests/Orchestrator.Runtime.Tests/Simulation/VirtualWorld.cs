namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>A clock and a thread for asynchronous code: everything that is posted runs here in order, and time moves only when
/// nothing is left to run. One seed, one history.</summary>
/// <remarks>Code under it must not leave its context: no Task.Run, no ConfigureAwait(false). A shuffled world runs what is ready in
/// an order of the seed's, as a pool of threads might.</remarks>
public sealed class VirtualWorld : SynchronizationContext
{
    private const int SpinLimit = 100_000;

    private readonly PriorityQueue<(SendOrPostCallback Callback, object? State), (int Chance, long Number)> _ready = new();
    private readonly PriorityQueue<(VirtualTimer Timer, long Setting), (long Due, long Number)> _timers = new();
    private readonly List<Exception> _faults = [];
    private readonly Random? _shuffle;
    private long _posts;
    private long _number;
    private long _ticks;
    private int _stepsAtOnce;

    public VirtualWorld(int seed = 1, bool isShuffled = false)
    {
        Random = new Random(seed);
        _shuffle = isShuffled ? new Random(~seed) : null;
        Time = new Clock(this);
    }

    public static DateTimeOffset Epoch { get; } = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public Random Random { get; }

    public TimeProvider Time { get; }

    public TimeSpan Elapsed => TimeSpan.FromTicks(_ticks);

    /// <summary>Steps taken so far; a figure for "how much happened".</summary>
    public long StepCount { get; private set; }

    public override void Post(SendOrPostCallback d, object? state)
    {
        lock (_ready)
            _ready.Enqueue((d, state), (_shuffle?.Next() ?? 0, _posts++));
    }

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Starts something that runs on its own; a fault of it fails the next <see cref="RunUntil"/>.</summary>
    public void Spawn(Func<Task> work)
    {
        using (Enter())
            Watch(work);
    }

    /// <summary>Starts something whose end somebody waits for.</summary>
    public T Start<T>(Func<T> work)
    {
        using (Enter())
            return work();
    }

    private async void Watch(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (OperationCanceledException)
        {
            // Ended on purpose.
        }
        catch (Exception fault)
        {
            _faults.Add(fault);
        }
    }

    /// <summary>Runs until the condition holds.</summary>
    /// <exception cref="TimeoutException">It does not within <paramref name="limit"/> of virtual time.</exception>
    public void RunUntil(Func<bool> condition, TimeSpan limit, string what = "the condition")
    {
        using var inside = Enter();
        long end = _ticks + limit.Ticks;
        while (true)
        {
            while (TryStep())
            {
                if (_faults.Count > 0)
                    throw new AggregateException(_faults);
            }
            if (condition())
                return;
            if (!_timers.TryPeek(out _, out var next) || next.Due > end)
            {
                _ticks = end;
                throw new TimeoutException($"{what} did not become true within {limit} of virtual time (at {Elapsed})");
            }
            FireNext();
        }
    }

    /// <summary>Runs for a time.</summary>
    public void Run(TimeSpan duration)
    {
        // What spins cannot be run to its end; the test has failed already.
        if (_stepsAtOnce > SpinLimit)
            return;
        using var inside = Enter();
        long end = _ticks + duration.Ticks;
        while (true)
        {
            while (TryStep())
            {
                if (_faults.Count > 0)
                    throw new AggregateException(_faults);
            }
            if (!_timers.TryPeek(out _, out var next) || next.Due > end)
                break;
            FireNext();
        }
        _ticks = end;
    }

    /// <summary>Runs until the task is done, and gives its result.</summary>
    public T Await<T>(Task<T> task, TimeSpan? limit = null)
    {
        RunUntil(() => task.IsCompleted, limit ?? TimeSpan.FromMinutes(10), "the task");
        return task.GetAwaiter().GetResult();
    }

    public T Await<T>(Func<Task<T>> work, TimeSpan? limit = null) => Await(Start(work), limit);

    public void Await(Func<Task> work, TimeSpan? limit = null) => Await(Start(work), limit);

    public void Await(Task task, TimeSpan? limit = null)
    {
        RunUntil(() => task.IsCompleted, limit ?? TimeSpan.FromMinutes(10), "the task");
        task.GetAwaiter().GetResult();
    }

    // Only while something runs: whoever drives the test has a context of his own.
    private Inside Enter()
    {
        var outer = Current;
        SetSynchronizationContext(this);
        return new Inside(outer);
    }

    private bool TryStep()
    {
        (SendOrPostCallback Callback, object? State) next;
        lock (_ready)
        {
            if (!_ready.TryDequeue(out next, out _))
                return false;
        }
        StepCount++;
        if (++_stepsAtOnce > SpinLimit)
            throw new InvalidOperationException($"something spins: time does not move on at {Elapsed}");
        next.Callback(next.State);
        return true;
    }

    private void FireNext()
    {
        _timers.TryDequeue(out var entry, out var priority);
        if (priority.Due > _ticks)
            _stepsAtOnce = 0;
        _ticks = Math.Max(_ticks, priority.Due);
        entry.Timer.Fire(entry.Setting);
    }

    private sealed class Clock(VirtualWorld world) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Epoch.AddTicks(world._ticks);

        public override long GetTimestamp() => world._ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new VirtualTimer(world, callback, state);
            timer.Change(dueTime, period);
            return timer;
        }
    }

    private sealed class VirtualTimer(VirtualWorld world, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        // Counts settings: what an earlier one left in the heap fires nothing.
        private long _setting;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _period = period;
            Set(dueTime);
            return true;
        }

        public void Fire(long setting)
        {
            if (setting != _setting)
                return;
            if (_period > TimeSpan.Zero)
                Set(_period);
            callback(state);
        }

        public void Dispose() => _setting++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Set(TimeSpan delay)
        {
            _setting++;
            if (delay >= TimeSpan.Zero)
                world._timers.Enqueue((this, _setting), (world._ticks + delay.Ticks, world._number++));
        }
    }

    private readonly struct Inside(SynchronizationContext? outer) : IDisposable
    {
        public void Dispose() => SetSynchronizationContext(outer);
    }
}
