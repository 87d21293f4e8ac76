using Orchestrator.Runtime.Kubelet.Cri.Grpc;

namespace Orchestrator.Node.Tests.Fake;

public sealed class CallGateTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TidyUpPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly List<string> _begun = [];
    private readonly Dictionary<string, TaskCompletionSource<int>> _calls = [];

    [Fact]
    public async Task No_more_calls_are_under_way_than_the_gate_is_wide()
    {
        var gate = new CallGate(2, Patience, TidyUpPatience, TimeProvider.System);
        Task first = Call(gate, "first", CallPurpose.Begin);
        Task second = Call(gate, "second", CallPurpose.Begin);
        Task third = Call(gate, "third", CallPurpose.Begin);

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
        var gate = new CallGate(1, Patience, TidyUpPatience, TimeProvider.System);
        Task running = Call(gate, "running", CallPurpose.Begin);
        Task begins = Call(gate, "begins", CallPurpose.Begin);
        Task completes = Call(gate, "completes", CallPurpose.Complete);

        End("running");
        await BegunAsync("completes");

        Assert.DoesNotContain("begins", _begun);
        End("completes");
        await BegunAsync("begins");
        End("begins");
        await Task.WhenAll(running, begins, completes).WaitAsync(Limit);
    }

    [Fact]
    public async Task Tidying_up_waits_until_nothing_else_goes()
    {
        var gate = new CallGate(1, Patience, TidyUpPatience, TimeProvider.System);
        Task running = Call(gate, "running", CallPurpose.Begin);
        Task tidies = Call(gate, "tidies", CallPurpose.TidyUp);
        Task begins = Call(gate, "begins", CallPurpose.Begin);

        End("running");
        await BegunAsync("begins");

        Assert.DoesNotContain("tidies", _begun);
        End("begins");
        await BegunAsync("tidies");
        Task meanwhile = Call(gate, "meanwhile", CallPurpose.Begin);
        Assert.Contains("meanwhile", _begun); // It holds nobody up.
        End("tidies", "meanwhile");
        await Task.WhenAll(running, tidies, begins, meanwhile).WaitAsync(Limit);
    }

    [Fact]
    public async Task Tidying_up_that_has_waited_long_goes_without_a_turn()
    {
        var clock = new Clock();
        var gate = new CallGate(1, Patience, TidyUpPatience, clock);
        Task running = Call(gate, "running", CallPurpose.Begin);
        Task tidies = Call(gate, "tidies", CallPurpose.TidyUp);
        Task begins = Call(gate, "begins", CallPurpose.Begin);

        clock.Ring(TidyUpPatience);

        await BegunAsync("tidies");
        End("tidies");
        await tidies.WaitAsync(Limit);
        Assert.DoesNotContain("begins", _begun); // Its end gives no turn.
        End("running");
        await BegunAsync("begins");
        End("begins");
        await Task.WhenAll(running, begins).WaitAsync(Limit);
    }

    [Fact]
    public async Task It_is_calm_when_the_last_of_a_burst_is_through_and_who_awaits_that_holds_nobody_up()
    {
        var gate = new CallGate(1, Patience, TidyUpPatience, new Clock());
        Task running = Call(gate, "running", CallPurpose.Begin);
        Task[] waiting = [Call(gate, "second", CallPurpose.Begin), Call(gate, "third", CallPurpose.Complete)];
        await gate.AwaitCalmAsync(TidyUpPatience, default).WaitAsync(Limit); // A few are no burst.
        Task last = Call(gate, "last", CallPurpose.Begin);
        Task calm = gate.AwaitCalmAsync(TidyUpPatience, default);

        foreach (string next in (string[])["third", "second", "last"])
        {
            End(_begun[^1]);
            await BegunAsync(next);
        }
        Task later = gate.AwaitCalmAsync(TidyUpPatience, default);
        Assert.False(calm.IsCompleted || later.IsCompleted);
        End("last");

        await Task.WhenAll([running, .. waiting, last, calm, later]).WaitAsync(Limit);
    }

    [Fact]
    public async Task A_burst_that_takes_long_is_no_longer_waited_for()
    {
        var clock = new Clock();
        var gate = new CallGate(1, Patience, TidyUpPatience, clock);
        string[] names = ["first", "second", "third", "fourth"];
        Task[] calls = [.. names.Select(name => Call(gate, name, CallPurpose.Begin))];
        Task calm = gate.AwaitCalmAsync(TimeSpan.FromMilliseconds(1), default);

        clock.Pass(TimeSpan.FromMilliseconds(1));
        await calm.WaitAsync(Limit);

        for (int index = 1; index < names.Length; index++)
        {
            End(names[index - 1]);
            await BegunAsync(names[index]);
        }
        Task aftermath = gate.AwaitCalmAsync(TidyUpPatience, default);
        Assert.False(aftermath.IsCompleted);
        clock.Pass(TimeSpan.FromMilliseconds(500));
        await aftermath.WaitAsync(Limit);
        End(names[^1]);
        await Task.WhenAll(calls).WaitAsync(Limit);
    }

    [Fact]
    public async Task A_call_that_takes_long_no_longer_counts()
    {
        var clock = new Clock();
        var gate = new CallGate(1, Patience, TidyUpPatience, clock);
        Task slow = Call(gate, "slow", CallPurpose.Begin);
        Task next = Call(gate, "next", CallPurpose.Begin);

        clock.Ring(Patience);

        await BegunAsync("next");
        End("slow");
        await slow.WaitAsync(Limit);
        Task last = Call(gate, "last", CallPurpose.Begin);
        Assert.DoesNotContain("last", _begun); // The slow one's end gives no second turn.
        End("next");
        await BegunAsync("last");
        End("last");
        await Task.WhenAll(next, last).WaitAsync(Limit);
    }

    [Fact]
    public async Task A_call_that_fails_gives_its_turn_to_the_next()
    {
        var gate = new CallGate(1, Patience, TidyUpPatience, TimeProvider.System);
        Task failing = Call(gate, "failing", CallPurpose.Begin);
        Task next = Call(gate, "next", CallPurpose.Begin);

        _calls["failing"].SetException(new IOException("as the test wants it"));

        await Assert.ThrowsAsync<IOException>(() => failing.WaitAsync(Limit));
        await BegunAsync("next");
        End("next");
        await next.WaitAsync(Limit);
    }

    [Fact]
    public async Task Who_no_longer_waits_takes_no_turn()
    {
        var gate = new CallGate(1, Patience, TidyUpPatience, TimeProvider.System);
        using var cancellation = new CancellationTokenSource();
        Task running = Call(gate, "running", CallPurpose.Begin);
        Task leaving = Call(gate, "leaving", CallPurpose.Begin, cancellation.Token);
        Task next = Call(gate, "next", CallPurpose.Begin);

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving.WaitAsync(Limit));
        End("running");

        await BegunAsync("next");
        Assert.DoesNotContain("leaving", _begun);
        End("next");
        await Task.WhenAll(running, next).WaitAsync(Limit);
    }

    private Task Call(CallGate gate, string name, CallPurpose purpose, CancellationToken ct = default)
    {
        lock (_begun)
            _calls[name] = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        return gate.RunAsync(
            purpose,
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
        private long _ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new RungByHand(dueTime, () => callback(state));
            _timers.Add(timer);
            return timer;
        }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        /// <summary>Time goes by, and the timers of that length ring.</summary>
        public void Pass(TimeSpan time)
        {
            _ticks += time.Ticks;
            Ring(time);
        }

        /// <summary>The timers of that length ring.</summary>
        public void Ring(TimeSpan length)
        {
            foreach (RungByHand timer in _timers.Where(timer => timer.Length == length).ToList())
                timer.Ring();
        }
    }

    private sealed class RungByHand(TimeSpan length, Action ring) : ITimer
    {
        private bool _isDisposed;

        public TimeSpan Length => length;

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
