using Google.Protobuf;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Leases;
using KvStore.Protocol;
using KvStore.Simulation.Scheduling;

namespace KvStore.Server.Tests.Members;

public class LessorTests : IDisposable
{
    private readonly MemberOnOneThread _one = new();
    private readonly SimulatedContext _context = new();

    public LessorTests() => _one.Rest();

    public void Dispose() => _one.Dispose();

    [Fact]
    public void A_lease_lives_its_time_and_then_ends_with_its_keys()
    {
        Grant(1, 10);
        var put = new PutRequest { Key = ByteString.CopyFromUtf8("a"), Lease = 1 };
        _one.Propose(CommandKind.Put, put);
        _one.Rest();
        long revision = _one.Revision;

        _one.RunFor(TimeSpan.FromSeconds(9.9));
        Assert.True(Exists(1));
        _one.RunFor(TimeSpan.FromSeconds(1));

        Assert.False(Exists(1));
        Assert.Equal(revision + 1, _one.Revision);
    }

    [Fact]
    public void A_renewal_gives_the_whole_time_again()
    {
        Grant(1, 10);
        _one.RunFor(TimeSpan.FromSeconds(9));

        Assert.Equal(10, Answer(Renew(1)));
        _one.RunFor(TimeSpan.FromSeconds(9));

        Assert.True(Exists(1));
    }

    [Fact]
    public void A_lease_that_is_not_there_has_no_time()
    {
        Assert.Equal(0, Answer(Renew(5)));
        Assert.Null(_one.Member.Lessor.Remaining(new LeaseId(5)));
    }

    [Fact]
    public void More_leases_than_may_wait_for_the_log_all_end()
    {
        for (long id = 1; id <= 100; id++)
            Grant(id, 2);

        _one.RunFor(TimeSpan.FromSeconds(4));

        Assert.Equal(0, _one.Member.State.Leases.Count);
    }

    [Fact]
    public void What_is_left_of_a_long_lease_is_replicated_so_that_a_restart_does_not_begin_it_anew()
    {
        Grant(1, 1000);
        _one.RunFor(TimeSpan.FromSeconds(400));

        Assert.True(_one.Member.State.Leases.TryGet(new LeaseId(1), out var lease));
        Assert.InRange(lease.RemainingTtlSeconds, 600, 700);
    }

    [Fact]
    public void A_renewal_is_answered_after_the_log_forgot_how_little_was_left()
    {
        Grant(1, 1000);
        _one.RunFor(TimeSpan.FromSeconds(400));

        Answer(Renew(1));

        Assert.True(_one.Member.State.Leases.TryGet(new LeaseId(1), out var lease));
        Assert.Equal(0, lease.RemainingTtlSeconds);
    }

    [Fact]
    public void Whoever_renews_a_lease_that_ran_out_waits_for_its_end()
    {
        Grant(1, 1);
        _one.Time.Pass(TimeSpan.FromSeconds(1.2));

        var renewal = Renew(1);
        _one.RunFor(TimeSpan.FromSeconds(1));
        _context.RunAll();

        Assert.Equal(0, Answer(renewal));
        Assert.False(Exists(1));
    }

    [Fact]
    public void A_member_that_stops_lets_nobody_wait()
    {
        Grant(1, 1);
        _one.Time.Pass(TimeSpan.FromSeconds(1.2));
        var renewal = _context.Call(() => _one.Member.Lessor.RenewAsync(new LeaseId(1)).AsTask());

        _one.Member.Stop();
        _context.RunAll();

        Assert.Equal(EtcdError.Stopped, MemberOnOneThread.ErrorOf(renewal));
    }

    /// <summary>Asks, and lets the member do what it can at once.</summary>
    private Task<long> Renew(long id)
    {
        var renewal = _context.Call(() => _one.Member.Lessor.RenewAsync(new LeaseId(id)).AsTask());
        for (int turn = 0; turn < 3; turn++)
        {
            _one.Rest();
            _context.RunAll();
        }
        return renewal;
    }

    private static long Answer(Task<long> renewal)
    {
        Assert.True(renewal.IsCompletedSuccessfully);
        return renewal.Result;
    }

    private bool Exists(long id) => _one.Member.State.Leases.Contains(new LeaseId(id));

    private void Grant(long id, long ttl)
    {
        _one.Propose(CommandKind.LeaseGrant, new LeaseGrantRequest { ID = id, TTL = ttl });
        _one.Rest();
    }
}
