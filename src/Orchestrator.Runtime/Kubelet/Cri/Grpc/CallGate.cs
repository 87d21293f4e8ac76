namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>What a call is for; what completes goes before what begins.</summary>
internal enum CallPurpose
{
    /// <summary>It completes what has been begun.</summary>
    Complete,

    Begin,

    /// <summary>Nobody waits for it.</summary>
    TidyUp,
}

/// <summary>Lets a few calls be under way at once; the others wait for their turn.</summary>
/// <remarks>
/// Making sandboxes and containers is work for the processors and goes through locks of the kernel. All pods of a burst at the
/// same time are all ready at its end; a few after the others are ready half as late on average, and the last no later.
/// A call that takes long waits for something else, a network plugin for instance: after a while it no longer counts.
/// What nobody waits for goes while nothing else does, or when it has waited long.
/// </remarks>
/// <param name="width">How many at once.</param>
/// <param name="patience">How long one counts at most.</param>
/// <param name="tidyUpPatience">How long tidying up waits at most.</param>
internal sealed class CallGate(int width, TimeSpan patience, TimeSpan tidyUpPatience, TimeProvider clock)
{
    /// <summary>So many times the gate's width wait in a burst: what a person starts is less.</summary>
    private const int BurstTurns = 3;

    /// <summary>Who has had a burst's last turn is through by then.</summary>
    private static readonly TimeSpan Aftermath = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();

    /// <summary>By purpose; completed with whether they have a turn.</summary>
    private readonly Queue<TaskCompletionSource<bool>>[] _waiting = [new(), new(), new()];
    private TaskCompletionSource? _change;
    private bool _isBurst;
    private long? _burstEnded;
    private int _underWay;
    private int _tidying;

    private TimeProvider Clock => clock;

    private TimeSpan Patience => patience;

    public async Task<T> RunAsync<T>(CallPurpose purpose, Func<Task<T>> call, CancellationToken ct)
    {
        if (!await EnterAsync(purpose, ct))
            return await call();
        using var turn = new Turn(this, purpose);
        return await call();
    }

    /// <summary>Completes when a burst is over: nobody waits for a turn who completes or begins something, and those who had the last turns are
    /// through or have had time for it. Outside of bursts, which are of many pods, that is at once.</summary>
    /// <param name="limit">After so long it completes all the same.</param>
    public async Task AwaitCalmAsync(TimeSpan limit, CancellationToken ct)
    {
        long asked = clock.GetTimestamp();
        while (true)
        {
            TimeSpan left = limit - clock.GetElapsedTime(asked);
            Task change;
            lock (_gate)
            {
                if (!_isBurst)
                    left = Min(left, IsIdle || _burstEnded is not { } ended ? TimeSpan.Zero : Aftermath - clock.GetElapsedTime(ended));
                if (left <= TimeSpan.Zero)
                    return;
                _change ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                change = _change.Task;
            }
            try
            {
                await change.WaitAsync(left, clock, ct);
            }
            catch (TimeoutException)
            {
                // Looked at once more.
            }
        }
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private bool IsIdle => _underWay == 0;

    /// <summary>Those whom somebody waits for.</summary>
    private int WaitingCount => _waiting[(int)CallPurpose.Complete].Count + _waiting[(int)CallPurpose.Begin].Count;

    /// <returns>Whether it has a turn; if not, it has waited long enough to go without.</returns>
    private async Task<bool> EnterAsync(CallPurpose purpose, CancellationToken ct)
    {
        var waiting = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (purpose == CallPurpose.TidyUp ? IsIdle && _tidying < width : _underWay < width)
            {
                Take(purpose);
                return true;
            }
            _waiting[(int)purpose].Enqueue(waiting);
            _isBurst |= WaitingCount >= BurstTurns * width;
        }
        await using CancellationTokenRegistration cancellation = ct.Register(() => waiting.TrySetCanceled(ct));
        using ITimer? limit = purpose == CallPurpose.TidyUp
            ? clock.CreateTimer(_ => waiting.TrySetResult(false), null, tidyUpPatience, Timeout.InfiniteTimeSpan)
            : null;
        return await waiting.Task;
    }

    private void Take(CallPurpose purpose)
    {
        if (purpose == CallPurpose.TidyUp)
            _tidying++;
        else
            _underWay++;
    }

    private void Leave(CallPurpose purpose)
    {
        lock (_gate)
        {
            if (purpose == CallPurpose.TidyUp)
                _tidying--;
            else
                _underWay--;
            while (_underWay < width && (LetGo(CallPurpose.Complete) || LetGo(CallPurpose.Begin)))
                ;
            while (IsIdle && _tidying < width && LetGo(CallPurpose.TidyUp))
                ;
            bool ends = _isBurst && WaitingCount == 0;
            if (ends)
                (_isBurst, _burstEnded) = (false, clock.GetTimestamp());
            if (!ends && !IsIdle)
                return;
            _change?.SetResult();
            _change = null;
        }
    }

    /// <returns>Whether one that waited has a turn now.</returns>
    private bool LetGo(CallPurpose purpose)
    {
        while (_waiting[(int)purpose].TryDequeue(out TaskCompletionSource<bool>? next))
        {
            if (!next.TrySetResult(true))
                continue; // It no longer waits.
            Take(purpose);
            return true;
        }
        return false;
    }

    private sealed class Turn : IDisposable
    {
        private readonly ITimer _limit;
        private CallGate? _gate;

        private readonly CallPurpose _purpose;

        public Turn(CallGate gate, CallPurpose purpose)
        {
            (_gate, _purpose) = (gate, purpose);
            _limit = gate.Clock.CreateTimer(_ => Pass(), null, gate.Patience, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            _limit.Dispose();
            Pass();
        }

        private void Pass() => Interlocked.Exchange(ref _gate, null)?.Leave(_purpose);
    }
}
