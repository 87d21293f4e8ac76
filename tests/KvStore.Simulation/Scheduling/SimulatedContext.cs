namespace KvStore.Simulation.Scheduling;

/// <summary>Takes the continuations of awaited tasks, so that they too run on the simulation's one thread, in order.</summary>
internal sealed class SimulatedContext : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _posted = new();

    public override void Post(SendOrPostCallback d, object? state) => _posted.Enqueue((d, state));

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    /// <summary>Runs all that was posted, and what comes of it.</summary>
    public void RunAll()
    {
        while (_posted.TryDequeue(out var posted))
            posted.Callback(posted.State);
    }
}
