namespace KvStore.Simulation.Scheduling;

/// <summary>Takes the continuations of awaited tasks, so that they too run on the simulation's one thread, in order.</summary>
internal sealed class SimulatedContext : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _posted = new();

    public override void Post(SendOrPostCallback d, object? state) => _posted.Enqueue((d, state));

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    /// <summary>Calls something whose continuations are to come here.</summary>
    public T Call<T>(Func<T> call)
    {
        var outer = Current;
        SetSynchronizationContext(this);
        try
        {
            return call();
        }
        finally
        {
            SetSynchronizationContext(outer);
        }
    }

    /// <summary>Runs all that was posted, and what comes of it.</summary>
    public void RunAll()
    {
        if (_posted.Count == 0)
            return;
        Call(() =>
        {
            while (_posted.TryDequeue(out var posted))
                posted.Callback(posted.State);
            return true;
        });
    }
}
