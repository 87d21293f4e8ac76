namespace KvStore.Simulation.Scheduling;

/// <summary>Takes the continuations of awaited tasks, so that they too run on the simulation's one thread, in order.</summary>
internal sealed class SimulatedContext : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _posted = new();

    public override void Post(SendOrPostCallback d, object? state) => _posted.Enqueue((d, state));

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    /// <returns>False when there was none.</returns>
    public bool RunOne()
    {
        if (!_posted.TryDequeue(out var posted))
            return false;
        posted.Callback(posted.State);
        return true;
    }

    /// <summary>Forgets all continuations: their process died.</summary>
    public void Clear() => _posted.Clear();
}
