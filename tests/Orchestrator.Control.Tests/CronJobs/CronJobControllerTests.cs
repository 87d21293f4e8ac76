using System.Globalization;
using Orchestrator.Control.CronJobs;

namespace Orchestrator.Control.Tests.CronJobs;

public sealed class CronJobControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "tick");

    private readonly FakeCluster _cluster = new();

    private readonly ControllerDescription _controller = CronJobController.Describe(Zone);

    private static TimeZoneInfo? Zone(string name) =>
        name.Length == 0 ? TimeZoneInfo.Utc : TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? zone : null;

    private CronJob Tick => _cluster.Get<CronJob>(Make.Ns, "tick")!;

    private static CronJob New(string schedule = "*/5 * * * *", Action<CronJobSpec>? change = null)
    {
        var cron = new CronJob
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "tick", Uid = "cron-tick", CreationTimestamp = Make.Start },
            Spec = new CronJobSpec
            {
                Schedule = schedule,
                ConcurrencyPolicy = "Allow",
                SuccessfulJobsHistoryLimit = 3,
                FailedJobsHistoryLimit = 1,
                JobTemplate = new JobTemplateSpec { Spec = new JobSpec { Template = Make.Template() } },
            },
        };
        change?.Invoke(cron.Spec);
        return cron;
    }

    private Decision LookAfter(TimeSpan time)
    {
        _cluster.Now += time;
        return _cluster.Settle(_controller, Key);
    }

    private void Finish(string type)
    {
        foreach (var job in _cluster.List<Job>())
        {
            _cluster.Change<Job>(job.Namespace, job.Name, j =>
            {
                j.Status.Conditions ??= [new JobCondition { Type = type, Status = "True", LastTransitionTime = _cluster.Now }];
                j.Status.CompletionTime ??= _cluster.Now;
            });
        }
    }

    [Fact]
    public void A_job_is_started_when_its_time_has_come_named_by_the_minute()
    {
        _cluster.With(New());
        Assert.Equal(Make.Start.AddMinutes(5), LookAfter(TimeSpan.FromMinutes(2)).RequeueAt);
        Assert.Empty(_cluster.List<Job>());

        var decision = LookAfter(TimeSpan.FromMinutes(3));

        var job = Assert.Single(_cluster.List<Job>());
        Assert.Equal($"tick-{Make.Start.AddMinutes(5).ToUnixTimeSeconds() / 60}", job.Name);
        Assert.Equal("2026-03-04T12:05:00Z", job.Annotations[CronJobController.ScheduledTimeAnnotation]);
        Assert.True(job.IsControlledBy(Tick));
        Assert.Equal((Make.Start.AddMinutes(5), job.Uid), (Tick.Status.LastScheduleTime, Tick.Status.Active![0].Uid));
        Assert.Equal(Make.Start.AddMinutes(10), decision.RequeueAt);
        Assert.Contains($"Normal SuccessfulCreate Created job {job.Name}", _cluster.Events);
        Assert.DoesNotContain(_cluster.Events, e => e.Contains("UnexpectedJob"));
    }

    [Fact]
    public void Of_several_missed_starts_only_the_last_is_made_up_for()
    {
        _cluster.With(New());

        LookAfter(TimeSpan.FromMinutes(23));

        var job = Assert.Single(_cluster.List<Job>());
        Assert.Equal($"tick-{Make.Start.AddMinutes(20).ToUnixTimeSeconds() / 60}", job.Name);
    }

    [Fact]
    public void After_more_than_a_hundred_missed_starts_it_warns_and_starts_the_last()
    {
        _cluster.With(New("* * * * *"));

        LookAfter(TimeSpan.FromMinutes(500));

        Assert.Contains(_cluster.Events, e => e.StartsWith("Warning TooManyMissedTimes too many missed start times"));
        Assert.Equal($"tick-{Make.Start.AddMinutes(500).ToUnixTimeSeconds() / 60}", Assert.Single(_cluster.List<Job>()).Name);
    }

    [Fact]
    public void A_start_beyond_its_deadline_is_missed()
    {
        _cluster.With(New("0 * * * *", spec => spec.StartingDeadlineSeconds = 30));

        LookAfter(TimeSpan.FromMinutes(61));

        Assert.Empty(_cluster.List<Job>());
    }

    [Fact]
    public void Forbid_starts_nothing_beside_a_running_job()
    {
        _cluster.With(New(change: spec => spec.ConcurrencyPolicy = "Forbid"));
        LookAfter(TimeSpan.FromMinutes(5));

        _cluster.Now += TimeSpan.FromMinutes(5);
        _cluster.Reconcile(_controller, Key);

        Assert.Single(_cluster.List<Job>());
        Assert.Contains("Normal JobAlreadyActive Not starting job because prior execution is running "
            + "and concurrency policy is Forbid", _cluster.Events);
    }

    [Fact]
    public void Replace_removes_the_running_job()
    {
        _cluster.With(New(change: spec => spec.ConcurrencyPolicy = "Replace"));
        LookAfter(TimeSpan.FromMinutes(5));

        LookAfter(TimeSpan.FromMinutes(5));

        var job = Assert.Single(_cluster.List<Job>());
        Assert.Equal($"tick-{Make.Start.AddMinutes(10).ToUnixTimeSeconds() / 60}", job.Name);
        Assert.Equal([job.Uid], Tick.Status.Active!.Select(reference => reference.Uid));
    }

    [Fact]
    public void Finished_jobs_leave_the_list_and_only_so_many_are_kept()
    {
        _cluster.With(New());
        for (int i = 0; i < 6; i++)
        {
            LookAfter(TimeSpan.FromMinutes(5));
            Finish(i == 2 ? "Failed" : "Complete");
        }

        LookAfter(TimeSpan.FromMinutes(1));

        Assert.Equal(3, _cluster.List<Job>().Count(job => job.Status.Conditions![0].Type == "Complete"));
        Assert.Single(_cluster.List<Job>(), job => job.Status.Conditions![0].Type == "Failed");
        Assert.Empty(Tick.Status.Active.OrEmpty());
        Assert.Equal(Make.Start.AddMinutes(30), Tick.Status.LastSuccessfulTime);
        Assert.Contains(_cluster.Events, e => e.StartsWith("Normal SawCompletedJob Saw completed job: tick-"));
    }

    [Fact]
    public void A_suspended_cronjob_starts_nothing()
    {
        _cluster.With(New(change: spec => spec.Suspend = true));

        LookAfter(TimeSpan.FromMinutes(20));

        Assert.Empty(_cluster.List<Job>());
    }

    [Fact]
    public void Bad_schedules_and_unknown_zones_are_told_by_events()
    {
        _cluster.With(New("61 * * * *"));
        _cluster.Reconcile(_controller, Key);
        _cluster.Change<CronJob>(Make.Ns, "tick", cron => cron.Spec.TimeZone = "Moon/Crater");
        _cluster.Reconcile(_controller, Key);

        Assert.Contains("Warning UnparseableSchedule unparseable schedule: \"61 * * * *\" : "
            + "end of range (61) above maximum (59): 61", _cluster.Events);
        Assert.Contains(_cluster.Events, e => e.StartsWith("Warning UnknownTimeZone invalid timeZone: \"Moon/Crater\""));
    }

    [Theory]
    [InlineData("*/15 * * * *", "2026-03-04T12:01", "2026-03-04T12:15")]
    [InlineData("0 0 * * *", "2026-03-04T12:00", "2026-03-05T00:00")]
    [InlineData("30 3 1 * *", "2026-03-04T12:00", "2026-04-01T03:30")]
    [InlineData("0 12 * * MON", "2026-03-04T12:00", "2026-03-09T12:00")]
    [InlineData("0 12 13 * FRI", "2026-03-07T00:00", "2026-03-13T12:00")]
    [InlineData("0 12 8 * FRI", "2026-03-07T00:00", "2026-03-08T12:00")]
    [InlineData("5-10/2,40 8 * * *", "2026-03-04T08:07", "2026-03-04T08:09")]
    [InlineData("0 0 29 feb *", "2026-03-04T12:00", "2028-02-29T00:00")]
    [InlineData("0 0 */10 * MON", "2026-03-04T12:00", "2026-03-09T00:00")] // A star with a step restricts: either day is enough.
    [InlineData("0 0 */1 * MON", "2026-03-04T12:00", "2026-03-09T00:00")]
    [InlineData("0 0 5,*/10 * MON", "2026-03-04T12:00", "2026-03-05T00:00")]
    [InlineData("TZ=Europe/Berlin 0 9 * * *", "2026-07-01T00:00", "2026-07-01T07:00")]
    [InlineData("@hourly", "2026-03-04T12:00", "2026-03-04T13:00")]
    [InlineData("@weekly", "2026-03-04T12:00", "2026-03-08T00:00")]
    [InlineData("@every 90s", "2026-03-04T12:00", "2026-03-04T12:01:30")]
    [InlineData("@every 500ms", "2026-03-04T12:00", "2026-03-04T12:00:01")] // Never more often than once a second.
    [InlineData("0 0 ? * ?", "2026-03-04T12:00", "2026-03-05T00:00")]
    public void The_next_start_in_utc(string schedule, string after, string next) =>
        Assert.Equal(Utc(next), CronSchedule.Parse(schedule).Next(Utc(after), TimeZoneInfo.Utc));

    [Theory]
    // Berlin leaps from 02:00 to 03:00 on 29 March 2026, and has 02:00 to 03:00 twice on 25 October.
    [InlineData("30 2 * * *", "2026-03-28T12:00", "2026-03-30T00:30")]
    [InlineData("0 0 * * *", "2026-03-29T00:00", "2026-03-29T22:00")]
    [InlineData("0 0 * * *", "2026-10-25T10:00", "2026-10-25T23:00")]
    [InlineData("0 9 * * *", "2026-07-01T00:00", "2026-07-01T07:00")]
    public void The_next_start_by_the_clock_of_berlin(string schedule, string after, string next) =>
        Assert.Equal(Utc(next), CronSchedule.Parse(schedule).Next(Utc(after), Zone("Europe/Berlin")!));

    [Theory]
    [InlineData("", "empty spec string")]
    [InlineData("* * * *", "expected exactly 5 fields, found 4: [* * * *]")]
    [InlineData("* * * * 7", "end of range (7) above maximum (6): 7")]
    [InlineData("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1")]
    [InlineData("*/0 * * * *", "step of range should be a positive number: */0")]
    [InlineData("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax")]
    [InlineData("@noon", "unrecognized descriptor: @noon")]
    public void What_is_no_schedule_is_refused(string schedule, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => CronSchedule.Parse(schedule)).Message);

    [Fact]
    public void A_day_that_never_comes_has_no_next_start() =>
        Assert.Null(CronSchedule.Parse("0 0 30 2 *").Next(Make.Start, TimeZoneInfo.Utc));

    private static DateTimeOffset Utc(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
