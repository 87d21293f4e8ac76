using System.Globalization;
using Orchestrator.Control.Jobs;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.CronJobs;

/// <summary>Starts Jobs by the clock.</summary>
public static class CronJobController
{
    public const string ScheduledTimeAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

    /// <summary>More missed starts than that speak of a clock that is wrong, or of a CronJob that nobody looks after.</summary>
    private const int MissedLimit = 100;

    /// <param name="findZone">Time zones by their names in the tz database; null for an unknown one. "" is the control
    /// plane's own zone.</param>
    public static ControllerDescription Describe(Func<string, TimeZoneInfo?> findZone) => new()
    {
        Name = "cronjob-controller",
        Reconcile = input => Reconcile(input, findZone),
        Workers = 5,
        Watches =
        [
            Watch.Self<CronJob>(),
            Watch.On<Job>(static (before, after, cache) =>
                OwnerKeys.Of<CronJob, Job>(before, after, cache, static _ => Selector.Of((LabelSelector?)null))),
        ],
    };

    public static Decision Reconcile(ReconcileInput input, Func<string, TimeZoneInfo?> findZone) =>
        input.Cache.Get<CronJob>(input.Key.Namespace, input.Key.Name) is { } cron
            ? new CronLook(cron, input, findZone).Decide() : Decision.Nothing;

    private sealed class CronLook(CronJob cron, ReconcileInput input, Func<string, TimeZoneInfo?> findZone)
    {
        private readonly IReadOnlyList<Job> _jobs = input.Cache.ByController<Job>(cron.Uid);
        private readonly CronJob _changed = cron.DeepClone();
        private readonly List<Intent> _intents = [];
        private readonly List<Intent> _deletes = [];
        private Create? _start;
        private DateTimeOffset? _requeueAt;

        public Decision Decide()
        {
            SyncActive();
            CleanUp("Complete", cron.Spec.SuccessfulJobsHistoryLimit);
            CleanUp("Failed", cron.Spec.FailedJobsHistoryLimit);
            if (!cron.IsBeingDeleted && cron.Spec.Suspend != true)
                StartIfDue();
            if (_changed.Status.Active is { Count: 0 })
                _changed.Status.Active = null;
            var status = _changed.Status.DeepEquals(cron.Status) ? Array.Empty<Intent>() : [Update.Status(_changed)];
            return new Decision
            {
                // What a Job says about past starts must stand in the status before the Job goes.
                Intents = _start is null
                    ? [.. _intents, .. status, .. _deletes] : [.. _intents, .. _deletes, _start, .. status],
                RequeueAt = _requeueAt,
            };
        }

        private void Note(string type, string reason, string message) =>
            _intents.Add(new EmitEvent(new EventNote(References.To(cron), type, reason, message)));

        /// <summary>Brings the list of running Jobs up to date.</summary>
        private void SyncActive()
        {
            var active = _changed.Status.Active ??= [];
            foreach (var job in _jobs)
            {
                bool isListed = active.Any(reference => reference.Uid == job.Uid);
                string? end = JobController.FinishedType(job);
                if (ScheduledTime(job) is { } time && time >= (cron.Status.LastScheduleTime ?? DateTimeOffset.MinValue))
                {
                    // Started here: its uid became known only when it was seen.
                    _changed.Status.LastScheduleTime = time;
                    if (end is null && !isListed)
                        active.Add(References.To(job));
                }
                else if (end is null && !isListed)
                {
                    Note(EventNote.Warning, "UnexpectedJob",
                        $"Saw a job that the controller did not create or forgot: {job.Name}");
                }
                if (end is not null)
                {
                    if (isListed)
                    {
                        active.RemoveAll(reference => reference.Uid == job.Uid);
                        Note(EventNote.Normal, "SawCompletedJob", $"Saw completed job: {job.Name}, condition: {end}");
                    }
                    if (end == "Complete" && job.Status.CompletionTime is { } at
                        && (_changed.Status.LastSuccessfulTime is not { } last || at > last))
                    {
                        _changed.Status.LastSuccessfulTime = at;
                    }
                }
            }
            foreach (var reference in active.Where(reference => _jobs.All(job => job.Uid != reference.Uid)).ToList())
            {
                active.Remove(reference);
                Note(EventNote.Normal, "MissingJob", $"Active job went missing: {reference.Name}");
            }
        }

        private void CleanUp(string end, int? limit)
        {
            if (limit is not { } kept)
                return;
            var finished = _jobs.Where(job => JobController.FinishedType(job) == end && !job.IsBeingDeleted)
                .OrderBy(job => job.Status.StartTime ?? job.Metadata.CreationTimestamp)
                .ThenBy(job => job.Name, StringComparer.Ordinal).ToList();
            foreach (var job in finished.Take(Math.Max(0, finished.Count - kept)))
                _deletes.Add(Deletion(job));
        }

        private Delete Deletion(Job job) => new(ObjectRef.To(job), PropagationPolicy.Background)
        {
            ContinueOnFailure = true,
            OnSuccess = EventNote.About(cron, "SuccessfulDelete", $"Deleted job {job.Name}"),
            OnFailure = EventNote.WarningAbout(cron, "FailedDelete", "Deleted job: {error}"),
        };

        private void StartIfDue()
        {
            if (findZone(cron.Spec.TimeZone ?? "") is not { } zone)
            {
                Note(EventNote.Warning, "UnknownTimeZone", $"invalid timeZone: \"{cron.Spec.TimeZone}\": unknown time zone");
                return;
            }
            CronSchedule schedule;
            try
            {
                schedule = CronSchedule.Parse(cron.Spec.Schedule ?? "");
            }
            catch (FormatException e)
            {
                Note(EventNote.Warning, "UnparseableSchedule", $"unparseable schedule: \"{cron.Spec.Schedule}\" : {e.Message}");
                return;
            }
            _requeueAt = schedule.Next(input.Now, zone);
            if (LastDue(schedule, zone) is { } due)
                Start(due, zone);
        }

        /// <summary>The latest time at which a Job should have been started since the last one; null if there was none.</summary>
        private DateTimeOffset? LastDue(CronSchedule schedule, TimeZoneInfo zone)
        {
            var earliest = cron.Status.LastScheduleTime ?? cron.Metadata.CreationTimestamp ?? input.Now;
            if (cron.Spec.StartingDeadlineSeconds is { } seconds && input.Now.AddSeconds(-seconds) is var deadline
                && deadline > earliest)
            {
                earliest = deadline;
            }
            DateTimeOffset? due = null;
            int missed = 0;
            for (var next = schedule.Next(earliest, zone); next is { } time && time <= input.Now; next = schedule.Next(time, zone))
            {
                due = time;
                if (++missed > MissedLimit)
                {
                    Note(EventNote.Warning, "TooManyMissedTimes",
                        "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew");
                    // The rest of a long gap is skipped: only the last start matters.
                    return LastBefore(schedule, zone, time);
                }
            }
            return due;
        }

        private DateTimeOffset LastBefore(CronSchedule schedule, TimeZoneInfo zone, DateTimeOffset found)
        {
            // Growing steps back from now find a start without going through all those that were missed.
            for (double minutes = 1; input.Now.AddMinutes(-minutes) is var from && from > found; minutes *= 2)
            {
                DateTimeOffset? last = null;
                for (var next = schedule.Next(from, zone); next is { } time && time <= input.Now; next = schedule.Next(time, zone))
                    last = time;
                if (last is { } due)
                    return due;
            }
            return found;
        }

        private void Start(DateTimeOffset due, TimeZoneInfo zone)
        {
            if (cron.Spec.StartingDeadlineSeconds is { } seconds && due.AddSeconds(seconds) < input.Now)
            {
                Note(EventNote.Warning, "MissSchedule", "Missed scheduled time to start a job: "
                    + due.ToString("ddd, dd MMM yyyy HH:mm:ss ", CultureInfo.InvariantCulture)
                    + due.ToString("zzz", CultureInfo.InvariantCulture).Replace(":", "", StringComparison.Ordinal));
                return;
            }
            string name = $"{cron.Name}-{(due.ToUnixTimeSeconds() / 60).ToString(CultureInfo.InvariantCulture)}";
            if (cron.Status.LastScheduleTime == due || _jobs.Any(job => job.Name == name))
            {
                _changed.Status.LastScheduleTime = due;
                return;
            }
            var active = _jobs.Where(job => JobController.FinishedType(job) is null && !job.IsBeingDeleted).ToList();
            if (cron.Spec.ConcurrencyPolicy == "Forbid" && active.Count > 0)
            {
                Note(EventNote.Normal, "JobAlreadyActive",
                    "Not starting job because prior execution is running and concurrency policy is Forbid");
                return;
            }
            if (cron.Spec.ConcurrencyPolicy == "Replace")
            {
                foreach (var job in active)
                {
                    _changed.Status.Active?.RemoveAll(reference => reference.Uid == job.Uid);
                    _deletes.Add(Deletion(job) with { ContinueOnFailure = false });
                }
            }
            _start = new Create(NewJob(name, due, zone))
            {
                OnSuccess = EventNote.About(cron, "SuccessfulCreate", "Created job {name}"),
                OnFailure = EventNote.WarningAbout(cron, "FailedCreate", "Error creating job: {error}"),
            };
            _changed.Status.LastScheduleTime = due;
        }

        /// <summary>The start that a Job was made for, by its name; null for one that was made by hand.</summary>
        private DateTimeOffset? ScheduledTime(Job job) =>
            job.Annotations.ContainsKey(ScheduledTimeAnnotation)
            && job.Name.StartsWith(cron.Name + "-", StringComparison.Ordinal)
            && long.TryParse(job.Name.AsSpan(cron.Name.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long minutes)
                ? DateTimeOffset.FromUnixTimeSeconds(minutes * 60) : null;

        private Job NewJob(string name, DateTimeOffset due, TimeZoneInfo zone)
        {
            var template = cron.Spec.JobTemplate ?? new JobTemplateSpec();
            var local = TimeZoneInfo.ConvertTime(due, zone);
            string time = local.Offset == TimeSpan.Zero
                ? ApiTime.Text(due) : local.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);
            return new Job
            {
                Metadata = new ObjectMeta
                {
                    Name = name,
                    Namespace = cron.Namespace,
                    Labels = template.Metadata.Labels is { } labels ? new(labels) : null,
                    Annotations = new(template.Metadata.Annotations.OrEmpty()) { [ScheduledTimeAnnotation] = time },
                    OwnerReferences = [References.Controller(cron)],
                },
                Spec = template.Spec.DeepClone(),
            };
        }
    }
}
