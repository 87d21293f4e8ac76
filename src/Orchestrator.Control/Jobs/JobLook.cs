using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.Jobs;

/// <summary>One look at one Job that is not finished.</summary>
internal sealed class JobLook
{
    /// <summary>The most pods made or removed by one look, and the most that wait to be counted.</summary>
    public const int BurstLimit = 500;

    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromMinutes(10);

    private readonly Job _job;
    private readonly ReconcileInput _input;
    private readonly IReadOnlyList<Pod> _pods;
    private readonly List<Pod> _active;
    private readonly Job _changed;
    private readonly bool _isIndexed;
    private readonly List<Intent> _events = [];
    private readonly List<Intent> _podWrites = [];
    private readonly HashSet<string> _ignored = [];
    private IndexSet _succeededIndexes;
    private IndexSet _failedIndexes;
    private JobBackoff _backoff;
    private DateTimeOffset? _requeueAt;

    /// <summary>The end that the Job is coming to: type, reason and message of its last condition.</summary>
    private (string Type, string Reason, string Message)? _end;

    private readonly OwnershipClaim<Pod> _claim;

    /// <summary>Failures in a row since the last success, by which new pods are delayed.</summary>
    private sealed record JobBackoff(int Failures, DateTimeOffset LastFailure);

    public JobLook(Job job, OwnershipClaim<Pod> claim, ReconcileInput input)
    {
        _job = job;
        _claim = claim;
        _input = input;
        _pods = claim.Owned;
        _active = _pods.Where(PodState.IsActive).ToList();
        _changed = job.DeepClone();
        _isIndexed = JobPods.IsIndexed(job);
        _succeededIndexes = IndexSet.Parse(job.Status.CompletedIndexes, job.Spec.Completions ?? 0);
        _failedIndexes = IndexSet.Parse(job.Status.FailedIndexes, job.Spec.Completions ?? 0);
        _backoff = input.Memory as JobBackoff ?? new JobBackoff(0, default);
    }

    private JobStatus Status => _changed.Status;

    private bool IsSuspended => _job.Spec.Suspend == true;

    private int Parallelism => _job.Spec.Parallelism ?? 1;

    public Decision Decide()
    {
        var previousEnd = InterimEnd();
        if (Status.StartTime is null && !IsSuspended)
            Status.StartTime = _input.Now;
        JudgeFailures();
        CountEnded();
        _end = previousEnd ?? FailureEnd() ?? SuccessEnd();
        if (_end is not null)
            StopAll();
        else if (!_job.IsBeingDeleted)
            Manage();
        FinishStatus();
        return new Decision
        {
            Intents = Intents(),
            RequeueAt = _requeueAt,
            Memory = _backoff,
        };
    }

    private IReadOnlyList<Intent> Intents()
    {
        var intents = new List<Intent>(_claim.Intents);
        intents.AddRange(_events);
        if (!Status.DeepEquals(_job.Status))
            intents.Add(Update.Status(_changed) with { OnSuccess = EndNote() });
        // Only after the status is written: a finalizer that goes before would let the pod go uncounted.
        intents.AddRange(_podWrites);
        return intents;
    }

    /// <summary>The end that was decided on before and only waits for its pods.</summary>
    private (string, string, string)? InterimEnd()
    {
        foreach (var condition in _job.Status.Conditions.OrEmpty().Where(condition => condition.Status == "True"))
        {
            switch (condition.Type)
            {
                case "FailureTarget": return ("Failed", condition.Reason ?? "", condition.Message ?? "");
                case "SuccessCriteriaMet": return ("Complete", condition.Reason ?? "", condition.Message ?? "");
            }
        }
        return null;
    }

    private (string, string, string)? _policyFailure;

    /// <summary>Asks the failure policy about each failed pod that is not counted yet.</summary>
    private void JudgeFailures()
    {
        if (_job.Spec.PodFailurePolicy is null)
            return;
        foreach (var pod in _pods.Where(pod => pod.IsFailed() && JobPods.IsTracked(pod)))
        {
            var verdict = PodFailureRules.Judge(_job.Spec.PodFailurePolicy, pod);
            if (!verdict.Counts)
                _ignored.Add(pod.Uid);
            if (verdict.Action == "FailJob")
                _policyFailure ??= ("Failed", "PodFailurePolicy", verdict.Message);
            else if (verdict.Action == "FailIndex" && JobPods.IndexOf(_job, pod) is { } index)
                _failedIndexes = _failedIndexes.With([index]);
        }
    }

    private void CountEnded()
    {
        var uncounted = Status.UncountedTerminatedPods ?? new UncountedTerminatedPods();
        var byUid = _pods.ToDictionary(pod => pod.Uid);
        // What has lost its finalizer turns into a number.
        int failedBefore = Settle(uncounted.Failed, byUid);
        int succeededBefore = Settle(uncounted.Succeeded, byUid);
        Status.Failed = NullIfZero((Status.Failed ?? 0) + failedBefore);
        if (!_isIndexed)
            Status.Succeeded = NullIfZero((Status.Succeeded ?? 0) + succeededBefore);

        foreach (var pod in _pods.Where(JobPods.IsTracked).OrderBy(pod => JobPods.EndOf(pod, _input.Now)))
        {
            if (uncounted.Failed.OrEmpty().Count + uncounted.Succeeded.OrEmpty().Count >= BurstLimit)
                break;
            if (pod.IsSucceeded())
                CountSuccess(pod, uncounted);
            else if (JobPods.HasFailed(_job, pod))
                CountFailure(pod, uncounted);
        }
        if (_isIndexed)
            Status.Succeeded = NullIfZero(_succeededIndexes.Count);
        bool isEmpty = uncounted.Failed.OrEmpty().Count + uncounted.Succeeded.OrEmpty().Count == 0;
        Status.UncountedTerminatedPods = isEmpty ? null : uncounted;
    }

    private static int Settle(List<string>? uids, Dictionary<string, Pod> pods)
    {
        if (uids is null)
            return 0;
        return uids.RemoveAll(uid => !pods.TryGetValue(uid, out var pod) || !JobPods.IsTracked(pod));
    }

    private void CountSuccess(Pod pod, UncountedTerminatedPods uncounted)
    {
        if (_isIndexed)
        {
            if (JobPods.IndexOf(_job, pod) is { } index)
            {
                if (!_succeededIndexes.Contains(index))
                    _backoff = new JobBackoff(0, default);
                _succeededIndexes = _succeededIndexes.With([index]);
            }
        }
        else if (!uncounted.Succeeded.OrEmpty().Contains(pod.Uid))
        {
            (uncounted.Succeeded ??= []).Add(pod.Uid);
            _backoff = new JobBackoff(0, default);
        }
        _podWrites.Add(JobPods.WithoutFinalizer(pod));
    }

    private void CountFailure(Pod pod, UncountedTerminatedPods uncounted)
    {
        bool isOfJob = !_isIndexed || JobPods.IndexOf(_job, pod) is not null;
        if (isOfJob && !_ignored.Contains(pod.Uid) && !uncounted.Failed.OrEmpty().Contains(pod.Uid))
        {
            (uncounted.Failed ??= []).Add(pod.Uid);
            var end = JobPods.EndOf(pod, _input.Now);
            _backoff = new JobBackoff(_backoff.Failures + 1, end > _backoff.LastFailure ? end : _backoff.LastFailure);
        }
        if (KeepsForItsIndex(pod))
            return;
        _podWrites.Add(JobPods.WithoutFinalizer(pod));
    }

    /// <summary>With a limit for each index, the last failed pod of an index stays, as it bears the count, until the next one
    /// is there.</summary>
    private bool KeepsForItsIndex(Pod pod)
    {
        if (_job.Spec.BackoffLimitPerIndex is not { } limit || JobPods.IndexOf(_job, pod) is not { } index)
            return false;
        if (_succeededIndexes.Contains(index) || _failedIndexes.Contains(index) || _job.IsBeingDeleted)
            return false;
        if (JobPods.FailureCount(pod) + (_ignored.Contains(pod.Uid) ? 0 : 1) > limit)
        {
            _failedIndexes = _failedIndexes.With([index]);
            return false;
        }
        return pod == LastOfIndex(index) && !_active.Any(other => JobPods.IndexOf(_job, other) == index);
    }

    private Pod? LastOfIndex(int index) => _pods.Where(pod => JobPods.IndexOf(_job, pod) == index && JobPods.IsTracked(pod)
            && JobPods.HasFailed(_job, pod))
        .OrderByDescending(pod => JobPods.FailureCount(pod) + JobPods.IgnoredFailureCount(pod))
        .ThenByDescending(pod => JobPods.EndOf(pod, _input.Now)).FirstOrDefault();

    private int Failed => (Status.Failed ?? 0) + (Status.UncountedTerminatedPods?.Failed).OrEmpty().Count;

    private int Succeeded => _isIndexed
        ? _succeededIndexes.Count : (Status.Succeeded ?? 0) + (Status.UncountedTerminatedPods?.Succeeded).OrEmpty().Count;

    private (string, string, string)? FailureEnd()
    {
        if (_policyFailure is { } policy)
            return policy;
        if (ExceedsBackoffLimit())
            return ("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
        if (PastDeadline())
            return ("Failed", "DeadlineExceeded", "Job was active longer than specified deadline");
        if (_isIndexed && _job.Spec.BackoffLimitPerIndex is not null)
        {
            if (_job.Spec.MaxFailedIndexes is { } most && _failedIndexes.Count > most)
                return ("Failed", "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
            if (_failedIndexes.Count > 0 && _failedIndexes.Count + _succeededIndexes.Count >= (_job.Spec.Completions ?? 0))
                return ("Failed", "FailedIndexes", "Job has failed indexes");
        }
        return null;
    }

    private bool ExceedsBackoffLimit()
    {
        int limit = _job.Spec.BackoffLimit ?? 6;
        if (Failed > limit)
            return true;
        if (_job.Spec.Template.Spec.RestartPolicy != "OnFailure")
            return false;
        // Containers restart in place there: their restarts are the failures.
        int restarts = _active.Where(pod => pod.Status.Phase is "Running" or "Pending")
            .Sum(pod => pod.Status.ContainerStatuses.OrEmpty().Concat(pod.Status.InitContainerStatuses.OrEmpty())
                .Sum(status => status.RestartCount ?? 0));
        return limit == 0 ? restarts > 0 : restarts >= limit;
    }

    private bool PastDeadline()
    {
        if (_job.Spec.ActiveDeadlineSeconds is not { } seconds || IsSuspended || Status.StartTime is not { } start)
            return false;
        var deadline = start.AddSeconds(seconds);
        if (deadline <= _input.Now)
            return true;
        Requeue(deadline);
        return false;
    }

    private (string, string, string)? SuccessEnd()
    {
        if (_isIndexed && MatchingSuccessRule() is { } rule)
            return ("Complete", "SuccessPolicy", $"Matched rules at index {rule}");
        bool isComplete = _job.Spec.Completions is { } wanted
            ? Succeeded >= wanted
            // Without a number of completions, the first success says that the work is done.
            : Succeeded > 0 && _active.Count == 0;
        if (!isComplete)
            return null;
        if (_active.Count > 0)
            Warn("TooManyActivePods", "Too many active pods running after completion count reached");
        if (_job.Spec.Completions is { } count && Succeeded > count)
            Warn("TooManySucceededPods", "Too many succeeded pods running after completion count reached");
        return ("Complete", "CompletionsReached", "Reached expected number of succeeded pods");
    }

    private int? MatchingSuccessRule()
    {
        var rules = (_job.Spec.SuccessPolicy?.Rules).OrEmpty();
        for (int i = 0; i < rules.Count; i++)
        {
            var listed = rules[i].SucceededIndexes is { } text ? IndexSet.Parse(text, _job.Spec.Completions ?? 0) : null;
            int done = listed is null ? _succeededIndexes.Count : listed.Items.Count(_succeededIndexes.Contains);
            if (done >= (rules[i].SucceededCount ?? listed?.Count ?? int.MaxValue))
                return i;
        }
        return null;
    }

    private void Warn(string reason, string message) => _events.Add(new EmitEvent(EventNote.WarningAbout(_job, reason, message)));

    /// <summary>The end is decided: no pod goes on, and none is waited for to be counted.</summary>
    private void StopAll()
    {
        foreach (var pod in _active)
            _podWrites.Add(Deletion(pod));
        var written = _podWrites.OfType<Patch>().Select(patch => patch.Target.Uid).ToHashSet();
        foreach (var pod in _pods.Where(pod => JobPods.IsTracked(pod) && pod.IsTerminal() && !written.Contains(pod.Uid)))
            _podWrites.Add(JobPods.WithoutFinalizer(pod));
    }

    private void Manage()
    {
        if (IsSuspended)
        {
            foreach (var pod in _active.Take(BurstLimit))
                RemoveUncounted(pod);
            return;
        }
        int wanted = WantedActive();
        var surplus = Surplus(wanted);
        if (surplus.Count > 0)
        {
            foreach (var pod in surplus.Take(BurstLimit))
                RemoveUncounted(pod);
            return;
        }
        int terminating = JobPods.WaitsForEnd(_job) ? _pods.Count(PodState.IsTerminating) : 0;
        int missing = Math.Min(BurstLimit, wanted - _active.Count - terminating);
        if (missing > 0)
            Create(missing);
    }

    private int WantedActive()
    {
        int wanted = _job.Spec.Completions is { } completions
            ? Math.Min(Parallelism, completions - Succeeded - (_job.Spec.BackoffLimitPerIndex is null ? 0 : _failedIndexes.Count))
            : Succeeded > 0 ? _active.Count : Parallelism;
        return Math.Max(0, wanted);
    }

    /// <summary>Pods that are too many: with indexes, first those that no index wants.</summary>
    private List<Pod> Surplus(int wanted)
    {
        var order = DeletionOrder.AmidRelated(_active, _input.Now);
        if (!_isIndexed)
            return order.First(_active, Math.Max(0, _active.Count - wanted)).Take(Math.Max(0, _active.Count - wanted)).ToList();
        var surplus = new List<Pod>();
        var kept = new List<Pod>();
        foreach (var group in _active.GroupBy(pod => JobPods.IndexOf(_job, pod)))
        {
            bool isWanted = group.Key is { } index && !_succeededIndexes.Contains(index) && !_failedIndexes.Contains(index);
            var sorted = group.OrderDescending(order).ToList();
            kept.AddRange(sorted.Take(isWanted ? 1 : 0));
            surplus.AddRange(sorted.Skip(isWanted ? 1 : 0));
        }
        surplus.AddRange(kept.OrderByDescending(pod => JobPods.IndexOf(_job, pod)).Take(Math.Max(0, kept.Count - wanted)));
        return surplus;
    }

    /// <summary>Deletes a pod that is to count neither as failed nor as succeeded.</summary>
    private void RemoveUncounted(Pod pod)
    {
        // If the finalizer cannot be taken off, the pod stays: deleted with it, it would count as failed.
        if (JobPods.IsTracked(pod))
            _podWrites.Add(JobPods.WithoutFinalizer(pod) with { ContinueOnFailure = false });
        _podWrites.Add(Deletion(pod));
    }

    private Delete Deletion(Pod pod) => new(ObjectRef.To(pod))
    {
        ContinueOnFailure = true,
        OnSuccess = EventNote.About(_job, "SuccessfulDelete", $"Deleted pod: {pod.Name}"),
        OnFailure = EventNote.WarningAbout(_job, "FailedDelete", "Error deleting: {error}"),
    };

    private void Create(int count)
    {
        if (_job.Spec.BackoffLimitPerIndex is null && BackoffEnd(_backoff.Failures, _backoff.LastFailure) is { } end
            && end > _input.Now)
        {
            Requeue(end);
            return;
        }
        var created = EventNote.About(_job, "SuccessfulCreate", "Created pod: {name}");
        var refused = EventNote.WarningAbout(_job, "FailedCreate", "Error creating: {error}");
        var pods = _isIndexed ? IndexedPods(count) : Enumerable.Range(0, count).Select(_ => JobPods.Make(_job, null, null, false));
        var creates = pods.Select(Intent (pod) => new Create(pod) { OnSuccess = created, OnFailure = refused }).ToList();
        if (creates.Count > 0)
            _podWrites.Add(new Batch(creates, IsSlowStart: true));
    }

    private List<Pod> IndexedPods(int count)
    {
        var taken = _pods.Where(pod => pod.IsActive() || (JobPods.WaitsForEnd(_job) && pod.IsTerminating()))
            .Select(pod => JobPods.IndexOf(_job, pod)).ToHashSet();
        var pods = new List<Pod>();
        for (int index = 0; index < (_job.Spec.Completions ?? 0) && pods.Count < count; index++)
        {
            if (taken.Contains(index) || _succeededIndexes.Contains(index) || _failedIndexes.Contains(index))
                continue;
            var former = _job.Spec.BackoffLimitPerIndex is null ? null : LastOfIndex(index);
            if (former is not null && BackoffEnd(JobPods.FailureCount(former) + 1, JobPods.EndOf(former, _input.Now)) is { } end
                && end > _input.Now)
            {
                Requeue(end);
                continue;
            }
            pods.Add(JobPods.Make(_job, index, former, former is not null && _ignored.Contains(former.Uid)));
        }
        return pods;
    }

    private static DateTimeOffset? BackoffEnd(int failures, DateTimeOffset last)
    {
        if (failures == 0)
            return null;
        double seconds = FirstBackoff.TotalSeconds * Math.Pow(2, Math.Min(failures - 1, 20));
        return last.AddSeconds(Math.Min(seconds, LongestBackoff.TotalSeconds));
    }

    private void FinishStatus()
    {
        bool stopsActive = _end is not null || IsSuspended;
        int active = stopsActive && !_job.IsBeingDeleted ? 0 : _active.Count;
        int terminating = _pods.Count(PodState.IsTerminating);
        Status.Active = NullIfZero(active);
        Status.Ready = stopsActive ? 0 : _active.Count(PodState.IsReady);
        Status.Terminating = terminating + (stopsActive ? _active.Count : 0);
        if (_isIndexed)
        {
            Status.CompletedIndexes = _succeededIndexes.Count == 0 ? null : _succeededIndexes.ToString();
            Status.FailedIndexes = _job.Spec.BackoffLimitPerIndex is null ? null : _failedIndexes.ToString();
        }
        NoteSuspension();
        if (_end is { } end)
            NoteEnd(end, isOver: _active.Count == 0 && terminating == 0);
    }

    private void NoteSuspension()
    {
        if (_end is not null || _job.IsBeingDeleted)
            return;
        var former = Status.Conditions.OrEmpty().FirstOrDefault(condition => condition.Type == "Suspended");
        if (IsSuspended)
        {
            Status.StartTime = null;
            if (former?.Status != "True" && SetCondition("Suspended", "True", "JobSuspended", "Job suspended"))
                _events.Add(new EmitEvent(EventNote.About(_job, "Suspended", "Job suspended")));
        }
        else if (former?.Status == "True")
        {
            SetCondition("Suspended", "False", "JobResumed", "Job resumed");
            _events.Add(new EmitEvent(EventNote.About(_job, "Resumed", "Job resumed")));
            Status.StartTime = _input.Now;
        }
    }

    /// <summary>The decision is told at once, the end itself only when the last pod has gone and every pod is counted.</summary>
    private void NoteEnd((string Type, string Reason, string Message) end, bool isOver)
    {
        SetCondition(end.Type == "Failed" ? "FailureTarget" : "SuccessCriteriaMet", "True", end.Reason, end.Message);
        var uncounted = Status.UncountedTerminatedPods;
        if (!isOver || (uncounted?.Failed).OrEmpty().Count + (uncounted?.Succeeded).OrEmpty().Count > 0)
            return;
        SetCondition(end.Type, "True", end.Reason, end.Message);
        if (end.Type == "Complete")
            Status.CompletionTime = _input.Now;
    }

    private EventNote? EndNote()
    {
        if (!IsEndNew())
            return null;
        return _end!.Value.Type == "Complete"
            ? EventNote.About(_job, "Completed", "Job completed")
            : EventNote.WarningAbout(_job, _end.Value.Reason, _end.Value.Message);
    }

    private bool IsEndNew() => _end is not null && JobController.IsFinished(_changed) && !JobController.IsFinished(_job);

    private bool SetCondition(string type, string status, string reason, string message)
    {
        var former = Status.Conditions.OrEmpty().FirstOrDefault(condition => condition.Type == type);
        if (former is not null && former.Status == status && former.Reason == reason && former.Message == message)
            return false;
        var condition = new JobCondition
        {
            Type = type,
            Status = status,
            Reason = reason,
            Message = message,
            LastProbeTime = _input.Now,
            LastTransitionTime = _input.Now,
        };
        Status.Conditions = former is null
            ? [.. Status.Conditions.OrEmpty(), condition]
            : Status.Conditions!.Select(c => c.Type == type ? condition : c).ToList();
        return true;
    }

    private void Requeue(DateTimeOffset at)
    {
        if (_requeueAt is null || at < _requeueAt)
            _requeueAt = at;
    }

    private static int? NullIfZero(int count) => count == 0 ? null : count;
}
