using KvStore.Server.Members.Scheduling;

namespace KvStore.Simulation.Scheduling;

/// <summary>Runs all loops of a member on the calling thread, one step at a time, in an order that the seed decides.</summary>
public sealed class SimulatedScheduler(VirtualTime time, Random random) : ILoopScheduler
{
    private readonly List<SimulatedLoop> _loops = [];
    private readonly List<SimulatedLoop> _ready = [];

    public TimeProvider Time => time;

    /// <summary>Told the name of each loop before its step runs.</summary>
    public Action<string> Stepping { get; init; } = _ => { };

    public ILoop Start(string name, Func<bool> step)
    {
        var loop = new SimulatedLoop(name, step);
        _loops.Add(loop);
        return loop;
    }

    /// <summary>The loop that pauses stays in its step, as a thread would; the others and the clock run on below it.</summary>
    public void Pause(TimeSpan duration)
    {
        var end = time.Elapsed + duration;
        while (time.Elapsed < end)
        {
            if (time.FireNext(time.Elapsed) || RunOne())
                continue;
            if (!time.FireNext(end))
                time.Pass(end - time.Elapsed);
        }
    }

    /// <summary>Runs one step of a loop that is awake.</summary>
    /// <returns>False when all of them sleep.</returns>
    public bool RunOne()
    {
        _ready.Clear();
        foreach (var loop in _loops)
        {
            if (loop.IsReady)
                _ready.Add(loop);
        }
        if (_ready.Count == 0)
            return false;
        var next = _ready[random.Next(_ready.Count)];
        Stepping(next.Name);
        next.RunStep();
        return true;
    }

    private sealed class SimulatedLoop(string name, Func<bool> step) : ILoop
    {
        private bool _isAwake;
        private bool _isStopped;
        private bool _isRunning;

        public string Name { get; } = name;

        public bool IsReady => _isAwake && !_isRunning;

        public void Wake() => _isAwake = !_isStopped;

        public void Stop() => (_isStopped, _isAwake) = (true, false);

        public void RunStep()
        {
            (_isAwake, _isRunning) = (false, true);
            try
            {
                if (step())
                    Wake();
            }
            finally
            {
                _isRunning = false;
            }
        }
    }
}
