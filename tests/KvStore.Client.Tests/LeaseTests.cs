using System.Collections.Concurrent;
using KvStore.Client.Tests.Servers;
using KvStore.Client.Tests.Support;
using KvStore.Grpc;
using KvStore.Protocol;
using KvStore.Testing;

namespace KvStore.Client.Tests;

/// <summary>Lease renewal against a server that says what a test wants.</summary>
public class LeaseTests
{
    [Fact]
    public async Task All_leases_are_renewed_over_one_stream()
    {
        var renewals = new ConcurrentDictionary<long, int>();
        await using var server = await new ScriptedServer { OnKeepAlive = (requests, responses, context) => AnswerAsync(
            requests, responses, context, id =>
            {
                renewals.AddOrUpdate(id, 1, (_, count) => count + 1);
                return 9;
            }) }.StartAsync();
        await using var client = Clients.Of(server.Url);

        var leases = Enumerable.Range(1, 500).Select(id => client.Lease.KeepAlive(Granted(id, seconds: 9))).ToList();
        await Waiting.Until(() => renewals.Count == 500 && renewals.Values.All(count => count >= 2));

        Assert.All(leases, lease => Assert.True(lease.IsAlive));
        Assert.Equal(1, server.CountOf("LeaseKeepAlive"));
    }

    [Fact]
    public async Task A_lease_that_nobody_renews_lapses_when_its_time_is_over_and_says_so_once()
    {
        await using var server = await new ScriptedServer().StartAsync();
        await using var client = Clients.Of(server.Url);
        var granted = Granted(1, seconds: 1);
        await using var lease = client.Lease.KeepAlive(granted);
        int lost = 0;
        bool wasAliveWhenLost = true;
        using var registration = lease.Lost.Register(() =>
        {
            wasAliveWhenLost = lease.IsAlive;
            Interlocked.Increment(ref lost);
        });

        Assert.Equal(LeaseEnd.Lapsed, await lease.Ended.Soon());
        await Waiting.Until(() => Volatile.Read(ref lost) == 1);
        await lease.DisposeAsync();

        Assert.False(wasAliveWhenLost);
        Assert.Equal(TimeSpan.Zero, lease.Left);
        Assert.True(granted.Claim.Age(TimeProvider.System) >= granted.TimeToLive);
        Assert.Equal((LeaseEnd.Lapsed, 1), (await lease.Ended, lost));
    }

    [Fact]
    public async Task In_memory_a_lease_is_renewed_alike()
    {
        await using var server = new ScriptedServer { OnKeepAlive = AlwaysAsync };
        await using var client = new EtcdClient(new ClientOptions { Channel = server.InMemory });
        await using var lease = client.Lease.KeepAlive(new LeaseId(1));

        await Waiting.Until(() => lease.RenewalCount == 2);

        Assert.True(lease.IsAlive);
    }

    [Fact]
    public async Task A_lease_that_the_server_does_not_know_is_gone_at_once()
    {
        await using var server = await new ScriptedServer
        {
            OnKeepAlive = (requests, responses, context) => AnswerAsync(requests, responses, context, _ => 0),
        }.StartAsync();
        await using var client = Clients.Of(server.Url);
        await using var lease = client.Lease.KeepAlive(new LeaseId(7));

        Assert.Equal(LeaseEnd.Gone, await lease.Ended.Soon());
        await Waiting.Until(() => lease.Lost.IsCancellationRequested);
        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.Lease.RenewAsync(new LeaseId(8)).Soon());
        Assert.True(refused.Is(EtcdErrors.LeaseNotFound));
    }

    [Fact]
    public async Task Renewals_move_to_another_member_when_one_falls_silent_and_no_lease_lapses()
    {
        await using var first = await new ScriptedServer { OnKeepAlive = AlwaysAsync }.StartAsync();
        await using var second = await new ScriptedServer { OnKeepAlive = AlwaysAsync }.StartAsync();
        await using var proxy = new FaultProxy(first.EndPoint);
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [proxy.Url, second.Url],
            ConnectTimeout = TimeSpan.FromMilliseconds(500),
        });
        var leases = Enumerable.Range(1, 20).Select(id => client.Lease.KeepAlive(Granted(id, seconds: 3))).ToList();
        await Waiting.Until(() => leases.All(lease => lease.RenewalCount > 0));

        proxy.Stall();
        await Waiting.Until(() => leases.All(lease => lease.RenewalCount > 3));

        Assert.All(leases, lease => Assert.True(lease.IsAlive));
    }

    [Fact]
    public async Task A_refusal_ends_the_lease_it_concerns_and_the_others_go_on()
    {
        await using var server = await new ScriptedServer
        {
            OnKeepAlive = (requests, responses, context) => AnswerAsync(requests, responses, context, id => id == 3
                ? throw ScriptedServer.Refusal(StatusCode.PermissionDenied, EtcdErrors.PermissionDenied)
                : 3),
        }.StartAsync();
        await using var client = Clients.Of(server.Url);
        var leases = Enumerable.Range(1, 5).Select(id => client.Lease.KeepAlive(Granted(id, seconds: 3))).ToList();

        Assert.Equal(LeaseEnd.Refused, await leases[2].Ended.Soon());
        await Waiting.Until(() => leases.Where(lease => lease.Id.Value != 3).All(lease => lease.RenewalCount > 1));

        Assert.True(leases[2].Refusal!.Is(EtcdErrors.PermissionDenied));
        Assert.Equal(4, leases.Count(lease => lease.IsAlive));
    }

    [Fact]
    public async Task A_stopped_renewal_is_not_lost_and_the_last_one_closes_the_stream()
    {
        var isClosed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await new ScriptedServer
        {
            OnKeepAlive = async (requests, responses, context) =>
            {
                using var registration = context.CancellationToken.Register(() => isClosed.TrySetResult());
                await AlwaysAsync(requests, responses, context);
            },
        }.StartAsync();
        await using var client = Clients.Of(server.Url);
        var lease = client.Lease.KeepAlive(new LeaseId(1));
        await Waiting.Until(() => lease.IsAlive);

        await lease.DisposeAsync();

        await isClosed.Task.Soon();
        Assert.Equal(LeaseEnd.Stopped, await lease.Ended.Soon());
        Assert.False(lease.Lost.IsCancellationRequested);
        Assert.False(lease.IsAlive);
        Assert.Equal(TimeSpan.FromSeconds(3), await client.Lease.RenewAsync(new LeaseId(1)).Soon());
    }

    [Fact]
    public void A_claim_counts_from_when_the_request_left_on_the_clock_that_is_further_on()
    {
        var clock = new TwoClocks();
        var schedule = new RenewalSchedule(LeaseClaim.From(clock) with { TimeToLive = TimeSpan.FromSeconds(9) }, clock);
        Assert.False(schedule.IsDue);
        clock.Advance(TimeSpan.FromSeconds(3));
        Assert.True(schedule.IsDue);
        schedule.Sent();

        // The answer is a long time coming: the server may have begun to count as soon as the request left.
        clock.Advance(TimeSpan.FromSeconds(5));
        var claim = schedule.Answered(TimeSpan.FromSeconds(9));
        Assert.Equal(TimeSpan.FromSeconds(4), claim.Left(clock));
        Assert.True(schedule.IsDue);

        // A machine that slept: only the calendar tells.
        clock.Calendar += TimeSpan.FromSeconds(3);
        Assert.Equal(TimeSpan.FromSeconds(1), claim.Left(clock));
        // A calendar that is set back tells nothing.
        clock.Calendar -= TimeSpan.FromDays(1);
        Assert.Equal(TimeSpan.FromSeconds(4), claim.Left(clock));
        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.True(schedule.IsLapsed);
    }

    private static GrantedLease Granted(long id, int seconds)
    {
        var timeToLive = TimeSpan.FromSeconds(seconds);
        return new GrantedLease(new LeaseId(id), timeToLive)
        {
            Claim = LeaseClaim.From(TimeProvider.System) with { TimeToLive = timeToLive },
        };
    }

    private static Task AlwaysAsync(
        IAsyncStreamReader<LeaseKeepAliveRequest> requests, IServerStreamWriter<LeaseKeepAliveResponse> responses,
        ServerCallContext context) => AnswerAsync(requests, responses, context, _ => 3);

    private static async Task AnswerAsync(
        IAsyncStreamReader<LeaseKeepAliveRequest> requests, IServerStreamWriter<LeaseKeepAliveResponse> responses,
        ServerCallContext context, Func<long, long> ttl)
    {
        while (await requests.MoveNext(context.CancellationToken))
        {
            long id = requests.Current.ID;
            await responses.WriteAsync(new LeaseKeepAliveResponse { ID = id, TTL = ttl(id) });
        }
    }

    private sealed class TwoClocks : TimeProvider
    {
        private TimeSpan _running;

        public DateTimeOffset Calendar { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _running.Ticks;

        public override DateTimeOffset GetUtcNow() => Calendar;

        public void Advance(TimeSpan time)
        {
            _running += time;
            Calendar += time;
        }
    }
}
