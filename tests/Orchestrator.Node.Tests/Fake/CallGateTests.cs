using Orchestrator.Runtime.Kubelet.Cri.Grpc;

namespace Orchestrator.Node.Tests.Fake;

public sealed class CallGateTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly List<string> _begun = [];
    private readonly Dictionary<string, TaskCompletionSource<int>> _calls = [];

    [Fact]
    public async Task No_more_calls_are_under_way_than_the_gate_is_wide()
    {
        var gate = new CallGate(2, Patience, TimeProvider.System);
        Task first = Call(gate, "first", hasBegun: false);
        Task second = Call(gate, "second", hasBegun: false);
        Task third = Call(gate, "third", hasBegun: false);

        Assert.Equal(["first", "second"], _begun);

        _calls["second"].SetResult(0);
        await second.WaitAsync(Limit);
        await BegunAsync("third");
        End("first", "third");
        await Task.WhenAll(first, third).WaitAsync(Limit);
    }

    [Fact]
    public async Task What_completes_something_goes_before_what_begins_anew()
    {
        var gate = new CallGate(1, Patience, TimeProvider.System);
        Task running = Call(gate, "running", hasBegun: false);
        Task begins = Call(gate, "begins", hasBegun: false);
        Task completes = Call(gate, "completes", hasBegun: true);

        End("running");
        await BegunAsync("completes");

        Assert.DoesNotContain("begins", _begun);
        End("completes");
        await BegunAsync("begins");
        End("begins");
        await Task.WhenAll(running, begins, completes).WaitAsync(Limit);
    }

    [Fact]
    public async Task A_call_that_takes_long_no_longer_counts()
    {
        var clock = new Clock();
        var gate = new CallGate(1, Patience, clock);
        Task slow = Call(gate, "slow", hasBegun: false);
        Task next = Call(gate, "next", hasBegun: false);

        clock.Ring();

        await BegunAsync("next");
        End("slow");
        await slow.WaitAsync(Limit);
        Task last = Call(gate, "last", hasBegun: false);
        Assert.DoesNotContain("last", _begun); // The slow one's end gives no second turn.
        End("next");
        await BegunAsync("last");
        End("last");
        await Task.WhenAll(next, last).WaitAsync(Limit);
    }

    [Fact]
    public async Task A_call_that_fails_gives_its_turn_to_the_next()
    {
        var gate = new CallGate(1, Patience, TimeProvider.System);
        Task failing = Call(gate, "failing", hasBegun: false);
        Task next = Call(gate, "next", hasBegun: false);

        _calls["failing"].SetException(new IOException("as the test wants it"));

        await Assert.ThrowsAsync<IOException>(() => failing.WaitAsync(Limit));
        await BegunAsync("next");
        End("next");
        await next.WaitAsync(Limit);
    }

    [Fact]
    public async Task Who_no_longer_waits_takes_no_turn()
    {
        var gate = new CallGate(1, Patience, TimeProvider.System);
        using var cancellation = new CancellationTokenSource();
        Task running = Call(gate, "running", hasBegun: false);
        Task leaving = Call(gate, "leaving", hasBegun: false, cancellation.Token);
        Task next = Call(gate, "next", hasBegun: false);

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving.WaitAsync(Limit));
        End("running");

        await BegunAsync("next");
        Assert.DoesNotContain("leaving", _begun);
        End("next");
        await Task.WhenAll(running, next).WaitAsync(Limit);
    }

    private Task Call(CallGate gate, string name, bool hasBegun, CancellationToken ct = default)
    {
        lock (_begun)
            _calls[name] = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        return gate.RunAsync(
            hasBegun,
            () =>
            {
                lock (_begun)
                {
                    _begun.Add(name);
                    return _calls[name].Task;
                }
            },
            ct);
    }

    private void End(params string[] names)
    {
        lock (_begun)
        {
            foreach (string name in names)
                _calls[name].SetResult(0);
        }
    }

    private async Task BegunAsync(string name)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            lock (_begun)
            {
                if (_begun.Contains(name))
                    return;
            }
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>Its timers ring when the test says so.</summary>
    private sealed class Clock : TimeProvider
    {
        private readonly List<RungByHand> _timers = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new RungByHand(() => callback(state));
            _timers.Add(timer);
            return timer;
        }

        public void Ring()
        {
            foreach (RungByHand timer in _timers.ToList())
                timer.Ring();
        }
    }

    private sealed class RungByHand(Action ring) : ITimer
    {
        private bool _isDisposed;

        public void Ring()
        {
            if (!_isDisposed)
                ring();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => !_isDisposed;

        public void Dispose() => _isDisposed = true;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
