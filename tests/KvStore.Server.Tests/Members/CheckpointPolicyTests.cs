using KvStore.Server.Members.Checkpoints;
using KvStore.Simulation.Scheduling;

namespace KvStore.Server.Tests.Members;

public class CheckpointPolicyTests
{
    private readonly VirtualTime _time = new();
    private readonly CheckpointPolicy _policy;

    public CheckpointPolicyTests() => _policy = new CheckpointPolicy(requests: 10, logBytes: 1000, _time);

    [Fact]
    public void It_is_due_after_so_many_requests()
    {
        _policy.Applied(9, 9);
        Assert.False(_policy.IsDue());

        _policy.Applied(1, 1);
        Assert.True(_policy.IsDue());
    }

    [Fact]
    public void Once_started_it_counts_anew()
    {
        _policy.Applied(10, 999);
        _policy.Started();

        _policy.Applied(9, 999);
        Assert.False(_policy.IsDue());
    }

    [Fact]
    public void One_that_took_a_second_leaves_twenty_in_peace()
    {
        _policy.Started();
        _policy.Ended(TimeSpan.FromSeconds(1));
        _policy.Applied(10, 10);

        _time.Pass(TimeSpan.FromSeconds(19.9));
        Assert.False(_policy.IsDue());
        _time.Pass(TimeSpan.FromSeconds(0.1));
        Assert.True(_policy.IsDue());
    }

    [Fact]
    public void So_many_bytes_of_log_make_it_due_at_once()
    {
        _policy.Ended(TimeSpan.FromHours(1));

        _policy.Applied(1, 1000);

        Assert.True(_policy.IsDue());
    }

    [Fact]
    public void So_many_bytes_given_back_make_it_due_at_once()
    {
        _policy.Ended(TimeSpan.FromHours(1));

        _policy.Reclaimed(1000);

        Assert.True(_policy.IsDue());
    }
}
