using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Server.Configuration;
using KvStore.Server.Hosting;

namespace KvStore.Server.Tests.Members;

public class AutoCompactorTests : IDisposable
{
    private readonly MemberOnOneThread _one = new(configure: options => options with { HeartbeatInterval = TimeSpan.FromSeconds(5) });

    public AutoCompactorTests() => _one.Rest();

    private long Compacted => _one.Member.State.Store.CompactRevision;

    public void Dispose() => _one.Dispose();

    [Fact]
    public void Off_compacts_nothing() => Assert.Null(AutoCompactor.Start(_one.Member, AutoCompaction.Off, _one.Time));

    [Fact]
    public void By_revision_it_keeps_the_last_ones_every_five_minutes()
    {
        using var compactor = AutoCompactor.Start(_one.Member, AutoCompaction.Parse("revision", "3"), _one.Time);
        PutTimes(10);

        _one.RunFor(TimeSpan.FromMinutes(4.9));
        Assert.Equal(-1, Compacted);
        _one.RunFor(TimeSpan.FromMinutes(0.2));

        Assert.Equal(_one.Revision - 3, Compacted);
    }

    [Fact]
    public void By_revision_it_waits_until_there_are_more_than_it_keeps()
    {
        using var compactor = AutoCompactor.Start(_one.Member, AutoCompaction.Parse("revision", "100"), _one.Time);
        PutTimes(10);

        _one.RunFor(TimeSpan.FromMinutes(11));

        Assert.Equal(-1, Compacted);
    }

    [Fact]
    public void By_period_it_compacts_to_the_revision_of_a_period_ago()
    {
        using var compactor = AutoCompactor.Start(_one.Member, AutoCompaction.Parse("periodic", "10m"), _one.Time);
        PutTimes(5);
        long early = _one.Revision;
        _one.RunFor(TimeSpan.FromMinutes(5));
        PutTimes(5);
        Assert.Equal(-1, Compacted);

        _one.RunFor(TimeSpan.FromMinutes(7));

        Assert.Equal(early, Compacted);
    }

    [Fact]
    public void By_a_long_period_it_compacts_once_an_hour()
    {
        using var compactor = AutoCompactor.Start(_one.Member, AutoCompaction.Parse("periodic", "2"), _one.Time);
        var compactions = new HashSet<long>();

        for (int minutes = 0; minutes < 300; minutes += 10)
        {
            PutTimes(1);
            _one.RunFor(TimeSpan.FromMinutes(10));
            compactions.Add(Compacted);
        }

        // Never, then after two hours and a note's interval, and each hour from then on.
        Assert.InRange(compactions.Count, 3, 4);
        Assert.InRange(_one.Revision - Compacted, 11, 20);
    }

    [Fact]
    public void By_period_one_that_failed_is_tried_again_at_the_next_note_with_the_revision_of_a_period_ago()
    {
        var proposals = new Proposals(_one) { FailureCount = 2 };
        using var compactor = AutoCompactor.Start(_one.Member, AutoCompaction.Parse("periodic", "10m"), _one.Time, proposals.Propose);
        for (int minute = 0; minute < 24; minute++)
        {
            PutTimes(1);
            _one.RunFor(TimeSpan.FromMinutes(1));
        }

        var gaps = proposals.Made.Zip(proposals.Made.Skip(1), (one, next) => (Math.Round((next.At - one.At).TotalMinutes), next.Revision - one.Revision));
        Assert.Equal([(1, 1), (1, 1), (10, 10)], gaps);
        Assert.Equal(proposals.Made[^1].Revision, Compacted);
    }

    [Fact]
    public void By_revision_one_that_failed_is_tried_again_after_five_minutes()
    {
        var proposals = new Proposals(_one) { FailureCount = 1 };
        using var compactor = AutoCompactor.Start(_one.Member, AutoCompaction.Parse("revision", "3"), _one.Time, proposals.Propose);
        PutTimes(10);

        _one.RunFor(TimeSpan.FromMinutes(16));

        Assert.Equal([_one.Revision - 3, _one.Revision - 3], proposals.Made.Select(made => made.Revision));
        Assert.Equal(_one.Revision - 3, Compacted);
    }

    [Fact]
    public void While_one_is_under_way_no_other_is_begun()
    {
        var never = new TaskCompletionSource<ApplyResult>();
        int count = 0;
        using var compactor = AutoCompactor.Start(_one.Member, AutoCompaction.Parse("revision", "3"), _one.Time, _ =>
        {
            count++;
            return never.Task;
        });
        PutTimes(10);

        _one.RunFor(TimeSpan.FromMinutes(16));

        Assert.Equal(1, count);
    }

    private void PutTimes(int count)
    {
        for (int i = 0; i < count; i++)
            _one.Put("a");
    }

    /// <summary>The first ones fail before the member sees them.</summary>
    private sealed class Proposals(MemberOnOneThread one)
    {
        public required int FailureCount { get; init; }

        public List<(TimeSpan At, long Revision)> Made { get; } = [];

        public Task<ApplyResult> Propose(CompactionRequest request)
        {
            Made.Add((one.Time.Now, request.Revision));
            return Made.Count <= FailureCount
                ? Task.FromException<ApplyResult>(new EtcdException(EtcdError.Timeout))
                : one.Propose(CommandKind.Compaction, request);
        }
    }
}
