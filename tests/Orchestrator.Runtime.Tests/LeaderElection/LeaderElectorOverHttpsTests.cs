using System.Collections.Concurrent;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.LeaderElection;
using Orchestrator.Runtime.Tests.ApiServer.Support;
using Orchestrator.Runtime.Tests.Nodes;

namespace Orchestrator.Runtime.Tests.LeaderElection;

/// <summary>Electors before the real API server, on a clock that the tests move.</summary>
public sealed class LeaderElectorOverHttpsTests(ServerFixture fixture) : IClassFixture<ServerFixture>, IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SteppedTime _clock = new();
    private readonly ConcurrentQueue<string> _log = new();
    private readonly List<Candidate> _candidates = [];
    private ReplaceableServer _server = null!;
    private string _namespace = "";
    private int _leaders;
    private int _mostLeaders;

    public async Task InitializeAsync()
    {
        _server = new ReplaceableServer(fixture);
        await _server.StartAsync();
        _namespace = await fixture.NewNamespaceAsync();
    }

    public async Task DisposeAsync()
    {
        foreach (var candidate in _candidates)
            await candidate.StopAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_leader_that_is_killed_is_followed_when_its_lease_is_over_and_not_before()
    {
        var a = Start("a");
        await UntilAsync(() => _log.Contains("+a"));
        Start("b");
        await RenewedAsync();

        var killedAt = _clock.GetUtcNow();
        a.Kill();
        await UntilAsync(() => _log.Contains("+b"));

        var lease = await LeaseAsync();
        Assert.Equal(("b", 1), (lease.Spec.HolderIdentity, lease.Spec.LeaseTransitions));
        // It was renewed at most a retry period before its end.
        Assert.True(lease.Spec.AcquireTime - killedAt >= TimeSpan.FromSeconds(12), $"after {lease.Spec.AcquireTime - killedAt}");
        Assert.Equal(1, _mostLeaders);
    }

    [Fact]
    public async Task A_leader_that_ends_in_order_is_followed_at_its_followers_next_look()
    {
        var a = Start("a");
        await UntilAsync(() => _log.Contains("+a"));
        Start("b");
        await RenewedAsync();

        await a.StopAsync();
        Assert.Equal("", (await LeaseAsync()).Spec.HolderIdentity);
        await UntilAsync(() => _log.Contains("+b"));

        Assert.Equal(["+a", "-a", "+b"], _log);
    }

    [Fact]
    public async Task A_leader_gives_its_lease_up_also_when_that_is_newer_than_it_knows()
    {
        var a = Start("a");
        await UntilAsync(() => _log.Contains("+a"));

        // As a renewal is whose answer it did not wait for.
        var lease = await LeaseAsync();
        lease.Spec.RenewTime = _clock.GetUtcNow();
        (lease.Metadata.Annotations ??= [])["renewed"] = "unseen";
        await new ApiClient(_server.Connect()).UpdateAsync(lease);
        await a.StopAsync();

        lease = await LeaseAsync();
        Assert.Equal(("", "unseen"), (lease.Spec.HolderIdentity, lease.Metadata.Annotations!["renewed"]));
    }

    [Fact]
    public async Task A_server_that_is_away_for_longer_than_the_lease_ends_the_lead_and_when_it_is_back_one_leads_again()
    {
        Start("a");
        await UntilAsync(() => _log.Contains("+a"));
        Start("b");

        await _server.StopAsync();
        await UntilAsync(() => _log.Contains("-a"));
        Assert.Equal(0, Volatile.Read(ref _leaders));
        await _server.StartAsync();
        await UntilAsync(() => Volatile.Read(ref _leaders) == 1);

        Assert.Equal(1, _mostLeaders);
        Assert.Contains((await LeaseAsync()).Spec.HolderIdentity, (string[])["a", "b"]);
    }

    [Fact]
    public async Task A_leader_outlives_a_server_that_is_begun_anew_within_its_time()
    {
        Start("a");
        await UntilAsync(() => _log.Contains("+a"));
        Start("b");

        await _server.StopAsync();
        _clock.Advance(TimeSpan.FromSeconds(4));
        await _server.StartAsync();
        await RenewedAsync();

        Assert.Equal(["+a"], _log);
        Assert.Equal(0, (await LeaseAsync()).Spec.LeaseTransitions);
    }

    [Fact]
    public async Task Of_many_who_want_to_lead_at_once_one_does()
    {
        for (int i = 0; i < 10; i++)
            Start($"c{i}");

        await UntilAsync(() => Volatile.Read(ref _leaders) == 1);
        await RenewedAsync();

        Assert.Equal(1, _mostLeaders);
        Assert.Single(_log);
        Assert.Equal("+" + (await LeaseAsync()).Spec.HolderIdentity, _log.Single());
    }

    private Candidate Start(string identity)
    {
        var candidate = new Candidate(this, new LeaderElectorOptions
        {
            Namespace = _namespace, Name = "test", Identity = identity, ReleasesOnCancel = true,
        });
        _candidates.Add(candidate);
        return candidate;
    }

    private async Task<Lease> LeaseAsync() => await new ApiClient(_server.Connect()).GetAsync<Lease>(_namespace, "test");

    /// <summary>The clock goes on until the leader has renewed its lease twice.</summary>
    private async Task RenewedAsync()
    {
        for (int i = 0; i < 2; i++)
        {
            var before = (await LeaseAsync()).Spec.RenewTime;
            DateTimeOffset? after = before;
            await UntilAsync(() => after > before, async () => after = (await LeaseAsync()).Spec.RenewTime);
        }
    }

    /// <summary>The clock goes on meanwhile: slowly, so that a busy machine keeps up with it.</summary>
    private async Task UntilAsync(Func<bool> isSo, Func<Task>? look = null)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (!isSo())
        {
            Assert.True(DateTime.UtcNow < deadline, $"never; log: {string.Join(", ", _log)}");
            await Task.Delay(20);
            _clock.Advance(TimeSpan.FromMilliseconds(200));
            if (look is not null)
                await look();
        }
    }

    /// <summary>Someone who wants to lead, again and again.</summary>
    private sealed class Candidate
    {
        private readonly LeaderElectorOverHttpsTests _test;
        private readonly CancellationTokenSource _stop = new();
        private readonly CuttableTransport _transport;
        private readonly Task _running;
        private bool _isKilled;

        public Candidate(LeaderElectorOverHttpsTests test, LeaderElectorOptions options)
        {
            _test = test;
            _transport = new CuttableTransport(test._server.Connect());
            var own = new ApiClient(_transport, new ApiClientOptions { Time = test._clock });
            _running = RunAsync(new LeaderElector(own, options), options.Identity);
        }

        /// <summary>It does nothing more, and nobody hears of it.</summary>
        public void Kill()
        {
            _isKilled = true;
            _transport.Cut();
            _stop.Cancel();
        }

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _running.WaitAsync(Patience);
        }

        private async Task RunAsync(LeaderElector elector, string identity)
        {
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    await elector.RunAsync(cancellation => LeadAsync(identity, cancellation), _stop.Token);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }

        private async Task LeadAsync(string identity, CancellationToken cancellation)
        {
            int leaders = Interlocked.Increment(ref _test._leaders);
            InterlockedMax(ref _test._mostLeaders, leaders);
            _test._log.Enqueue("+" + identity);
            var ended = new TaskCompletionSource();
            using var registration = cancellation.Register(() => ended.TrySetResult());
            await ended.Task;
            if (!_isKilled)
                _test._log.Enqueue("-" + identity);
            Interlocked.Decrement(ref _test._leaders);
        }

        private static void InterlockedMax(ref int most, int value)
        {
            for (int seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
                Interlocked.CompareExchange(ref most, value, seen);
        }
    }

    /// <summary>A process that is dead sends nothing.</summary>
    private sealed class CuttableTransport(IApiTransport transport) : IApiTransport
    {
        private volatile bool _isCut;

        public void Cut() => _isCut = true;

        public Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation) => _isCut
            ? Task.FromException<ApiResponse>(new TransportException("dead"))
            : transport.SendAsync(request, cancellation);

        public Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation) => _isCut
            ? Task.FromException<IApiStream>(new TransportException("dead"))
            : transport.OpenAsync(request, cancellation);
    }
}
