using KvStore.Mvcc.Leases;
using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;

namespace KvStore.Mvcc.Tests.Leases;

public class LeaseClockTests
{
    private readonly TestMember _member = new();
    private readonly LeaseClock _clock;

    public LeaseClockTests()
    {
        _clock = new LeaseClock(_member.Machine.Leases);
        _clock.Promote(At(0), TimeSpan.Zero);
    }

    [Fact]
    public void A_lease_expires_when_its_time_is_over()
    {
        Grant(5, ttl: 10, at: 0);

        Assert.Empty(Expired(9.999));
        Assert.Equal(At(10), _clock.NextDue);
        Assert.Equal([5], Expired(10));
    }

    [Fact]
    public void A_keep_alive_gives_the_whole_time_again()
    {
        Grant(5, ttl: 10, at: 0);

        Assert.Equal(new LeaseRenewal(LeaseRenewalKind.Renewed, 10), _clock.Renew(new(5), At(9)));

        Assert.Empty(Expired(18.9));
        Assert.Equal(TimeSpan.FromSeconds(0.1), _clock.Remaining(new(5), At(18.9)));
        Assert.Equal([5], Expired(19));
    }

    [Fact]
    public void An_unknown_lease_cannot_be_renewed()
    {
        Assert.Equal(LeaseRenewal.Unknown, _clock.Renew(new(5), At(0)));
        Assert.Null(_clock.Remaining(new(5), At(0)));
    }

    [Fact]
    public void An_expired_lease_is_neither_renewed_nor_unknown_until_it_is_revoked()
    {
        Grant(5, ttl: 10, at: 0);

        Assert.Equal(LeaseRenewal.Expired, _clock.Renew(new(5), At(10)));
        Assert.Equal(TimeSpan.FromSeconds(-2), _clock.Remaining(new(5), At(12)));
        _member.Revoke(5);
        _clock.Revoked(new(5));

        Assert.Equal(LeaseRenewal.Unknown, _clock.Renew(new(5), At(12)));
        Assert.Empty(Expired(99));
    }

    [Fact]
    public void An_expired_lease_is_reported_again_when_its_revocation_does_not_come()
    {
        Grant(5, ttl: 10, at: 0);

        Assert.Equal([5], Expired(10));
        Assert.Empty(Expired(12.9));
        Assert.Equal([5], Expired(13));
    }

    [Fact]
    public void Expired_leases_come_the_earliest_first_and_no_more_than_the_limit()
    {
        Grant(1, ttl: 30, at: 0);
        Grant(2, ttl: 10, at: 0);
        Grant(3, ttl: 20, at: 0);

        Assert.Equal([2, 3], Expired(60, limit: 2));
        Assert.Equal([1], Expired(60, limit: 2));
        Assert.Empty(Expired(60, limit: 2));
    }

    [Fact]
    public void An_id_that_is_granted_anew_has_the_new_deadline()
    {
        Grant(5, ttl: 10, at: 0);
        _member.Revoke(5);
        _clock.Revoked(new(5));

        Grant(5, ttl: 30, at: 2);

        Assert.Empty(Expired(31));
        Assert.Equal([5], Expired(32));
    }

    [Fact]
    public void Only_the_primary_counts_time()
    {
        Grant(5, ttl: 10, at: 0);

        _clock.Demote();

        Assert.False(_clock.IsPrimary);
        Assert.Equal(LeaseRenewal.NotPrimary, _clock.Renew(new(5), At(1)));
        Assert.Null(_clock.Remaining(new(5), At(1)));
        Assert.Null(_clock.NextDue);
        Assert.Empty(Expired(99));
    }

    [Fact]
    public void A_new_primary_gives_each_lease_its_whole_time_and_an_extension()
    {
        _clock.Demote();
        Grant(5, ttl: 10, at: 0);

        _clock.Promote(At(100), TimeSpan.FromSeconds(1));

        Assert.Empty(Expired(110.9));
        Assert.Equal([5], Expired(111));
    }

    [Fact]
    public void A_new_primary_goes_on_from_a_checkpoint()
    {
        _member.Grant(5, ttl: 1000);
        _member.Answer<LeaseCheckpointResponse>(new LeaseRemaindersRequest { Leases = { Left(5, 40) } });

        _clock.Promote(At(0), TimeSpan.Zero);

        Assert.Equal([5], Expired(40));
    }

    [Fact]
    public void Long_leases_are_checkpointed_once_an_interval_and_a_renewal_asks_for_its_end()
    {
        Grant(5, ttl: 1000, at: 0);
        Grant(6, ttl: 200, at: 0);

        Assert.Empty(Checkpoints(299));
        Assert.Equal([Left(5, 700)], Checkpoints(300));
        Assert.Empty(Checkpoints(599));
        Assert.Equal([Left(5, 400)], Checkpoints(600));
        Assert.Equal(new LeaseRenewal(LeaseRenewalKind.Renewed, 1000, Left(5, 0)), _clock.Renew(new(5), At(601)));
        Assert.Equal(new LeaseRenewal(LeaseRenewalKind.Renewed, 1000), _clock.Renew(new(5), At(602)));
        Assert.Empty(Checkpoints(901));
    }

    [Fact]
    public void Many_leases_do_not_expire_at_once_after_a_change_of_leader()
    {
        for (int i = 1; i <= 2000; i++)
            _member.Grant(i, ttl: 10);

        _clock.Promote(At(0), TimeSpan.Zero, expiriesPerSecondLimit: 500);

        Assert.Equal([500, 500, 500, 500], new[] { 10.5, 11.5, 12.5, 13.4 }.Select(at => Expired(at, limit: 9999).Length));
    }

    [Fact]
    public void The_longest_lease_has_a_deadline()
    {
        Grant(5, ttl: 9_000_000_000, at: 0);

        Assert.Equal(TimeSpan.FromSeconds(8_999_999_999), _clock.Remaining(new(5), At(1)));
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private void Grant(long id, long ttl, double at)
    {
        _member.Grant(id, ttl);
        _clock.Granted(new(id), At(at));
    }

    private LeaseRemainder Left(long id, long seconds) => new() { Id = id, GrantIndex = _member.GrantIndexOf(id), RemainingTtl = seconds };

    private long[] Expired(double at, int limit = 500) => [.. _clock.TakeExpired(At(at), limit).Select(expired => expired.Id)];

    private IReadOnlyList<LeaseRemainder> Checkpoints(double at) => _clock.TakeCheckpoints(At(at), TimeSpan.FromMinutes(5), 1000);
}
