namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>Lets a few calls be under way at once; the others wait for their turn, those that complete what has been begun before those that begin anew.</summary>
/// <remarks>
/// Making sandboxes and containers is work for the processors and goes through locks of the kernel. All pods of a burst at the
/// same time are all ready at its end; a few after the others are ready half as late on average, and the last no later.
/// A call that takes long waits for something else, a network plugin for instance: after a while it no longer counts.
/// </remarks>
/// <param name="width">How many at once.</param>
/// <param name="patience">How long one counts at most.</param>
internal sealed class CallGate(int width, TimeSpan patience, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _begun = new();
    private readonly Queue<TaskCompletionSource> _new = new();
    private int _free = width;

    private TimeProvider Clock => clock;

    private TimeSpan Patience => patience;

    /// <param name="hasBegun">It completes something.</param>
    public async Task<T> RunAsync<T>(bool hasBegun, Func<Task<T>> call, CancellationToken ct)
    {
        await EnterAsync(hasBegun, ct);
        using var turn = new Turn(this);
        return await call();
    }

    private async Task EnterAsync(bool hasBegun, CancellationToken ct)
    {
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_free > 0)
            {
                _free--;
                return;
            }
            (hasBegun ? _begun : _new).Enqueue(waiting);
        }
        await using CancellationTokenRegistration cancellation = ct.Register(() => waiting.TrySetCanceled(ct));
        await waiting.Task;
    }

    private void Leave()
    {
        lock (_gate)
        {
            while (_begun.TryDequeue(out TaskCompletionSource? next) || _new.TryDequeue(out next))
            {
                if (next.TrySetResult())
                    return; // The turn is its own now.
            }
            _free++;
        }
    }

    private sealed class Turn : IDisposable
    {
        private readonly ITimer _limit;
        private CallGate? _gate;

        public Turn(CallGate gate)
        {
            _gate = gate;
            _limit = gate.Clock.CreateTimer(_ => Pass(), null, gate.Patience, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            _limit.Dispose();
            Pass();
        }

        private void Pass() => Interlocked.Exchange(ref _gate, null)?.Leave();
    }
}
