using Orchestrator.Api.CoordinationV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.LeaderElection;
using Orchestrator.Runtime.Tests.Simulation;

namespace Orchestrator.Runtime.Tests.LeaderElection;

public sealed class LeaderElectorTests
{
    private readonly VirtualWorld _world = new();
    private readonly FakeApiServer _server;
    private readonly List<string> _log = [];

    public LeaderElectorTests() => _server = new FakeApiServer(_world);

    [Fact]
    public void One_leads_and_the_other_waits()
    {
        var a = Start("a");
        _world.Run(TimeSpan.FromSeconds(1));
        var b = Start("b");

        _world.Run(TimeSpan.FromMinutes(5));

        Assert.Equal(["+a"], _log);
        Assert.True(a.Elector.IsLeader);
        Assert.False(b.Elector.IsLeader);
        Assert.Equal("a", b.Elector.Leader);
        var lease = _server.Find<Lease>("kube-system", "test")!;
        Assert.Equal(("a", 15, 0), (lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds, lease.Spec.LeaseTransitions));
    }

    [Fact]
    public void A_leader_that_ends_in_order_is_followed_at_once()
    {
        var a = Start("a");
        _world.Run(TimeSpan.FromSeconds(1));
        Start("b");
        _world.Run(TimeSpan.FromSeconds(20));

        a.Stop.Cancel();
        _world.RunUntil(() => _log.Count == 3, TimeSpan.FromSeconds(5));

        Assert.Equal(["+a", "-a", "+b"], _log);
        Assert.Equal(1, _server.Find<Lease>("kube-system", "test")!.Spec.LeaseTransitions);
    }

    [Fact]
    public void A_leader_whose_work_fails_is_followed_at_once()
    {
        var failing = new LeaderElector(new ApiClient(_server, new ApiClientOptions { Time = _world.Time }), Options("a", _world));
        _world.Spawn(() => Assert.ThrowsAsync<InvalidOperationException>(() => failing.RunAsync(FailAsync, CancellationToken.None)));
        _world.Run(TimeSpan.FromSeconds(1));
        Start("b");

        _world.RunUntil(() => _log.Contains("+b"), TimeSpan.FromSeconds(28));

        async Task FailAsync(CancellationToken cancellation)
        {
            await Task.Delay(TimeSpan.FromSeconds(20), _world.Time, cancellation);
            throw new InvalidOperationException("broken");
        }
    }

    [Fact]
    public void Work_that_fails_at_once_is_tried_again_after_a_pause()
    {
        int tries = 0;
        using var stop = new CancellationTokenSource();
        _world.Spawn(() => Leading.RunAsync(
            new ApiClient(_server, new ApiClientOptions { Time = _world.Time }), Options("a", _world), FailAsync, stop.Token));

        _world.Run(TimeSpan.FromMinutes(1));
        stop.Cancel();
        _world.Run(TimeSpan.FromSeconds(10));

        Assert.InRange(tries, 10, 31);

        Task FailAsync(CancellationToken cancellation)
        {
            tries++;
            throw new InvalidOperationException("broken");
        }
    }

    [Fact]
    public void A_leader_that_died_is_followed_when_its_lease_is_over()
    {
        var a = Start("a");
        _world.Run(TimeSpan.FromSeconds(1));
        Start("b");
        _world.Run(TimeSpan.FromSeconds(20));

        a.Cut();
        _world.Run(TimeSpan.FromSeconds(9));
        Assert.DoesNotContain("+b", _log);
        _world.RunUntil(() => _log.Contains("+b"), TimeSpan.FromSeconds(15));
    }

    [Fact]
    public void A_leader_that_is_cut_off_stops_before_another_begins()
    {
        var a = Start("a");
        _world.Run(TimeSpan.FromSeconds(1));
        Start("b");
        _world.Run(TimeSpan.FromSeconds(20));

        a.Cut();
        _world.Run(TimeSpan.FromMinutes(1));

        Assert.Equal(["+a", "-a", "+b"], _log);
    }

    [Fact]
    public void A_renewal_whose_answer_takes_long_counts_from_when_it_was_sent()
    {
        var a = Start("a");
        _world.Run(TimeSpan.FromSeconds(1));
        Start("b");
        _world.Run(TimeSpan.FromSeconds(20));

        // The server acts at once, the answer comes seven seconds later, and then nothing gets through any more.
        a.DelayAnswer(TimeSpan.FromSeconds(7), _world.Time);
        _world.RunUntil(() => _log.Contains("-a"), TimeSpan.FromMinutes(1));

        var renewed = _server.Find<Lease>("kube-system", "test")!.Spec.RenewTime;
        Assert.InRange(_world.Time.GetUtcNow() - renewed!.Value, TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(14));
        _world.Run(TimeSpan.FromMinutes(1));
        Assert.Equal(["+a", "-a", "+b"], _log);
    }

    [Fact]
    public void Over_many_seeds_of_faults_there_are_never_two_and_always_another()
    {
        for (int seed = 0; seed < 100; seed++)
            RunUnderFaults(seed);
    }

    private static void RunUnderFaults(int seed)
    {
        var world = new VirtualWorld(seed);
        var server = new FakeApiServer(world, new Faults
        {
            LostRequest = 0.2, LostAnswer = 0.2, Refusal = 0.1, Latency = TimeSpan.FromMilliseconds(seed % 2 == 0 ? 500 : 6000),
        });
        int leading = 0;
        int terms = 0;
        using var stop = new CancellationTokenSource();
        for (int i = 0; i < 3; i++)
        {
            string name = $"e{i}";
            world.Spawn(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    var elector = new LeaderElector(
                        new ApiClient(server, new ApiClientOptions { Time = world.Time }), Options(name, world));
                    await elector.RunAsync(LeadAsync, stop.Token);
                }
            });
        }
        for (int i = 0; i < 20; i++)
        {
            world.Run(TimeSpan.FromSeconds(world.Random.Next(60)));
            server.Faults = server.Faults with { LostRequest = world.Random.NextDouble() };
        }
        server.Faults = Faults.None;
        world.RunUntil(() => leading == 1, TimeSpan.FromMinutes(1), $"seed {seed}: a leader");
        stop.Cancel();
        world.Run(TimeSpan.FromMinutes(1));

        Assert.Equal(0, leading);
        Assert.True(terms > 0);

        async Task LeadAsync(CancellationToken cancellation)
        {
            terms++;
            leading++;
            Assert.True(leading == 1, $"seed {seed}: {leading} lead");
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, world.Time, cancellation);
            }
            finally
            {
                leading--;
            }
        }
    }

    private static LeaderElectorOptions Options(string identity, VirtualWorld world) =>
        new() { Name = "test", Identity = identity, Jitter = world.Random.NextDouble };

    private Candidate Start(string identity)
    {
        var candidate = new Candidate(_server);
        candidate.Elector = new LeaderElector(
            new ApiClient(candidate, new ApiClientOptions { Time = _world.Time }), Options(identity, _world));
        _world.Spawn(() => candidate.Elector.RunAsync(LeadAsync, candidate.Stop.Token));
        return candidate;

        async Task LeadAsync(CancellationToken cancellation)
        {
            _log.Add($"+{identity}");
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, _world.Time, cancellation);
            }
            finally
            {
                _log.Add($"-{identity}");
            }
        }
    }

    /// <summary>One who may lead, and the way to the server, which can be cut.</summary>
    private sealed class Candidate(IApiTransport server) : IApiTransport
    {
        private bool _isCut;
        private (TimeSpan Delay, TimeProvider Time)? _late;

        public LeaderElector Elector { get; set; } = null!;

        public CancellationTokenSource Stop { get; } = new();

        public void Cut() => _isCut = true;

        /// <summary>The next write's answer comes late, and is the last that comes.</summary>
        public void DelayAnswer(TimeSpan delay, TimeProvider time) => _late = (delay, time);

        public async Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation)
        {
            if (_isCut)
                throw new TransportException("cut off");
            var answer = await server.SendAsync(request, cancellation);
            if (_late is not { } late || request.Method == HttpMethod.Get)
                return answer;
            _isCut = true;
            await Task.Delay(late.Delay, late.Time, cancellation);
            return answer;
        }

        public Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation) =>
            server.OpenAsync(request, cancellation);
    }
}
