using KvStore.Server.Members.Scheduling;

namespace KvStore.Simulation.Scheduling;

/// <summary>Runs all loops of a member on the calling thread, one step at a time, in an order that the seed decides.</summary>
public sealed class SimulatedScheduler(VirtualTime time, Random random) : ILoopScheduler
{
    private readonly List<SimulatedLoop> _loops = [];
    private readonly List<SimulatedLoop> _ready = [];

    public TimeProvider Time => time;

    public ILoop Start(string name, Func<bool> step)
    {
        var loop = new SimulatedLoop(name, step);
        _loops.Add(loop);
        return loop;
    }

    /// <summary>Runs one step of a loop that is awake.</summary>
    /// <returns>False when all of them sleep.</returns>
    public bool RunOne()
    {
        _ready.Clear();
        foreach (var loop in _loops)
        {
            if (loop.IsAwake)
                _ready.Add(loop);
        }
        if (_ready.Count == 0)
            return false;
        _ready[random.Next(_ready.Count)].RunStep();
        return true;
    }

    /// <summary>Runs steps, and the clock when all sleep, until the condition holds.</summary>
    /// <returns>False when the time limit was reached before.</returns>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        while (!condition())
        {
            if (!RunOne() && !time.FireNext(limit))
                return condition();
        }
        return true;
    }

    private sealed class SimulatedLoop(string name, Func<bool> step) : ILoop
    {
        private bool _isStopped;

        public bool IsAwake { get; private set; }

        public void Wake() => IsAwake = !_isStopped;

        public void Stop() => (_isStopped, IsAwake) = (true, false);

        public void RunStep()
        {
            IsAwake = false;
            if (step())
                Wake();
        }

        public override string ToString() => name;
    }
}
