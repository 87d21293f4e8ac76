namespace Orchestrator.Runtime.WorkQueues;

/// <summary>Something that happens once; who waits goes on in his own context, never inside <see cref="Set"/>.</summary>
/// <remarks>Not a task's WaitAsync: that hops to the thread pool, and a simulation would lose its order.</remarks>
public sealed class OneTimeSignal
{
    private readonly Lock _lock = new();
    private readonly List<TaskCompletionSource> _waiters = [];
    private bool _isSet;

    public bool IsSet
    {
        get
        {
            lock (_lock)
                return _isSet;
        }
    }

    public void Set()
    {
        lock (_lock)
        {
            _isSet = true;
            foreach (var waiter in _waiters)
                waiter.TrySetResult();
            _waiters.Clear();
        }
    }

    public async Task WaitAsync(CancellationToken cancellation = default)
    {
        TaskCompletionSource waiter;
        lock (_lock)
        {
            if (_isSet)
                return;
            waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add(waiter);
        }
        await using var registration = cancellation.Register(
            static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), waiter);
        await waiter.Task;
    }
}
