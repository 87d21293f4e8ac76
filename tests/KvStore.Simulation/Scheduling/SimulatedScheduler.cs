using KvStore.Server.Members.Scheduling;

namespace KvStore.Simulation.Scheduling;

/// <summary>Runs the loops of one life of a member as happenings of the simulated world, one step at a time.</summary>
/// <param name="process">The life that they end with; null for one that does not end.</param>
/// <param name="clock">The member's own clock; null for the world's.</param>
internal sealed class SimulatedScheduler(VirtualTime time, SimulatedProcess? process = null, MemberClock? clock = null) : ILoopScheduler
{
    public TimeProvider Time => (TimeProvider?)clock ?? time;

    /// <summary>How long a loop that was woken takes until the effects of its step are seen: a sync's time for the log, say.</summary>
    public Func<string, TimeSpan> StepTime { get; init; } = _ => TimeSpan.Zero;

    /// <summary>Told the name of each loop before its step.</summary>
    public Action<string> Stepping { get; init; } = _ => { };

    /// <summary>Told the name of each loop after its step.</summary>
    public Action<string> Stepped { get; init; } = _ => { };

    /// <summary>Runs one step, or what else is due now.</summary>
    /// <returns>False when all rests.</returns>
    public bool RunOne() => time.TryNext(time.Now);

    public ILoop Start(string name, Func<bool> step) => new SimulatedLoop(this, name, step);

    /// <summary>The loop that pauses stays in its step, as a thread would; all else goes on below it.</summary>
    public void Pause(TimeSpan duration)
    {
        time.RunUntil(time.Now + duration);
        process?.CheckAlive();
    }

    private sealed class SimulatedLoop : ILoop
    {
        private readonly SimulatedScheduler _scheduler;
        private readonly string _name;
        private readonly Func<bool> _step;
        private readonly Action _run;
        private bool _isAwake;
        private bool _isRunning;
        private bool _isStopped;

        public SimulatedLoop(SimulatedScheduler scheduler, string name, Func<bool> step) =>
            (_scheduler, _name, _step, _run) = (scheduler, name, step, RunStep);

        public void Wake()
        {
            if (_isAwake || _isStopped)
                return;
            _isAwake = true;
            if (!_isRunning)
                Schedule();
        }

        public void Stop() => _isStopped = true;

        private void Schedule() => _scheduler.Schedule(_name, _run);

        private void RunStep()
        {
            if (_isStopped)
                return;
            (_isAwake, _isRunning) = (false, true);
            _scheduler.Stepping(_name);
            _isAwake |= _step();
            _isRunning = false;
            _scheduler.Stepped(_name);
            if (_isAwake && !_isStopped)
                Schedule();
        }
    }

    private void Schedule(string name, Action run) => time.After(StepTime(name), process, run);
}
