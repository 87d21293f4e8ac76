using Orchestrator.Control.Jobs;

namespace Orchestrator.Control.Tests.Jobs;

public sealed class JobControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "work");

    private readonly FakeCluster _cluster = new();

    private object? _memory;

    private Job Work => _cluster.Get<Job>(Make.Ns, "work")!;

    private static Job New(int? completions = 1, int parallelism = 1, Action<JobSpec>? change = null)
    {
        var job = new Job
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "work", Uid = "job-work" },
            Spec = new JobSpec
            {
                Completions = completions,
                Parallelism = parallelism,
                BackoffLimit = 6,
                CompletionMode = "NonIndexed",
                Selector = Make.Select("work"),
                Template = Make.Template(app: "work"),
            },
        };
        job.Spec.Template.Spec.RestartPolicy = "Never";
        change?.Invoke(job.Spec);
        return job;
    }

    private Decision Look()
    {
        var decision = _cluster.Reconcile(JobController.Description, Key, _memory, _cluster.Failures);
        _memory = decision.Memory;
        return decision;
    }

    private void Settle()
    {
        for (int i = 0; i < 20; i++)
        {
            int done = _cluster.Done.Count;
            Look();
            if (_cluster.Done.Count == done)
                return;
        }
        Assert.Fail("does not settle");
    }

    private List<Pod> Active => _cluster.List<Pod>().Where(pod => pod.Status.Phase is not ("Succeeded" or "Failed")
        && !pod.IsBeingDeleted).OrderBy(pod => pod.Name).ToList();

    /// <summary>The kubelet's part.</summary>
    private void End(Pod pod, string phase, int exitCode = 0) => _cluster.Change<Pod>(pod.Namespace, pod.Name, p =>
    {
        p.Spec.NodeName = "node-1";
        p.Phase(phase);
        p.Status.ContainerStatuses =
        [
            new ContainerStatus
            {
                Name = "main",
                State = new ContainerState
                {
                    Terminated = new ContainerStateTerminated { ExitCode = exitCode, FinishedAt = _cluster.Now },
                },
            },
        ];
    });

    private List<string> Conditions => Work.Status.Conditions.OrEmpty().Select(c => $"{c.Type}={c.Status} {c.Reason}").ToList();

    [Fact]
    public void Pods_are_made_with_the_tracking_finalizer_and_the_start_is_noted()
    {
        _cluster.With(New(completions: 3, parallelism: 2));

        Settle();

        Assert.Equal(2, Active.Count);
        Assert.All(Active, pod => Assert.Contains("batch.kubernetes.io/job-tracking", pod.Metadata.Finalizers!));
        Assert.Equal((2, _cluster.Now), (Work.Status.Active, Work.Status.StartTime));
        Assert.Contains(_cluster.Events, e => e.StartsWith("Normal SuccessfulCreate Created pod: work-"));
    }

    [Fact]
    public void A_job_completes_when_enough_pods_succeeded_and_each_is_counted_once()
    {
        _cluster.With(New(completions: 3, parallelism: 2));
        Settle();

        for (int i = 0; i < 2; i++)
        {
            foreach (var pod in Active)
                End(pod, "Succeeded");
            Settle();
        }

        Assert.Equal(3, Work.Status.Succeeded);
        Assert.Null(Work.Status.Active);
        Assert.Equal(["SuccessCriteriaMet=True CompletionsReached", "Complete=True CompletionsReached"], Conditions);
        Assert.Equal(_cluster.Now, Work.Status.CompletionTime);
        Assert.All(_cluster.List<Pod>(), pod => Assert.Empty(pod.Metadata.Finalizers.OrEmpty()));
        Assert.Contains("Normal Completed Job completed", _cluster.Events);
        Assert.Null(Work.Status.UncountedTerminatedPods);
    }

    [Fact]
    public void A_pod_is_counted_before_its_finalizer_goes()
    {
        _cluster.With(New());
        Settle();
        End(Active[0], "Succeeded");
        _cluster.Done.Clear();

        Look();

        var status = Assert.IsType<Update>(_cluster.Done[0]);
        Assert.Single(((Job)status.Object).Status.UncountedTerminatedPods!.Succeeded!);
        Assert.IsType<Patch>(_cluster.Done[1]);
    }

    [Fact]
    public void If_the_status_cannot_be_written_the_finalizer_stays()
    {
        _cluster.With(New());
        Settle();
        End(Active[0], "Succeeded");
        _cluster.Refusal = intent => intent is Update ? Make.Refused("Conflict", "again", 409) : null;

        Look();

        Assert.All(_cluster.List<Pod>(), pod => Assert.NotEmpty(pod.Metadata.Finalizers!));
    }

    [Fact]
    public void Failed_pods_are_replaced_after_a_delay_that_doubles()
    {
        _cluster.With(New());
        Settle();

        foreach (int delay in new[] { 10, 20, 40 })
        {
            End(Active.Single(), "Failed", 1);
            Settle();
            Assert.Empty(Active);
            Assert.Equal(_cluster.Now.AddSeconds(delay), Look().RequeueAt);
            _cluster.Now += TimeSpan.FromSeconds(delay);
            Settle();
        }

        Assert.Equal((3, 1), (Work.Status.Failed, Active.Count));
    }

    [Fact]
    public void Beyond_the_backoff_limit_the_job_fails_and_its_pods_are_stopped()
    {
        _cluster.With(New(completions: 5, parallelism: 3, spec => spec.BackoffLimit = 0));
        Settle();
        End(Active[0], "Failed", 1);

        Settle();

        Assert.Empty(Active);
        Assert.Contains("FailureTarget=True BackoffLimitExceeded", Conditions);
        Assert.Equal("Job has reached the specified backoff limit", Work.Status.Conditions!.Single(c => c.Type == "FailureTarget").Message);
        foreach (var pod in _cluster.List<Pod>().Where(pod => pod.IsBeingDeleted))
            End(pod, "Failed", 137);
        Settle();

        Assert.Equal(["FailureTarget=True BackoffLimitExceeded", "Failed=True BackoffLimitExceeded"], Conditions);
        Assert.Contains("Warning BackoffLimitExceeded Job has reached the specified backoff limit", _cluster.Events);
        Assert.Null(Work.Status.CompletionTime);
    }

    [Fact]
    public void A_job_that_runs_too_long_fails()
    {
        _cluster.With(New(change: spec => spec.ActiveDeadlineSeconds = 100));
        Settle();
        Assert.Equal(_cluster.Now.AddSeconds(100), Look().RequeueAt);
        _cluster.Now += TimeSpan.FromSeconds(100);

        Settle();

        Assert.Equal(["FailureTarget=True DeadlineExceeded", "Failed=True DeadlineExceeded"], Conditions);
    }

    [Fact]
    public void An_indexed_job_runs_each_index_and_writes_what_is_done()
    {
        _cluster.With(New(completions: 5, parallelism: 5, spec => spec.CompletionMode = "Indexed"));
        Settle();
        var pods = Active.OrderBy(pod => pod.Annotations["batch.kubernetes.io/job-completion-index"]).ToList();
        Assert.Equal(["work-0", "work-1", "work-2", "work-3", "work-4"], pods.Select(pod => pod.Spec.Hostname!));
        Assert.All(pods, pod => Assert.Equal("JOB_COMPLETION_INDEX", pod.Spec.Containers![0].Env![0].Name));
        foreach (int i in new[] { 0, 2, 3, 4 })
            End(pods[i], "Succeeded");
        End(pods[1], "Failed", 1);

        Settle();
        Assert.Equal(("0,2-4", 4, 1), (Work.Status.CompletedIndexes, Work.Status.Succeeded, Work.Status.Failed));
        _cluster.Now += TimeSpan.FromSeconds(10);
        Settle();

        Assert.StartsWith("work-1-", Assert.Single(Active).Name);
        End(Active[0], "Succeeded");
        Settle();
        Assert.Equal("0-4", Work.Status.CompletedIndexes);
        Assert.Contains("Complete=True CompletionsReached", Conditions);
    }

    [Fact]
    public void With_a_limit_for_each_index_others_go_on_when_one_has_failed()
    {
        _cluster.With(New(completions: 2, parallelism: 2, spec =>
        {
            spec.CompletionMode = "Indexed";
            spec.BackoffLimitPerIndex = 1;
            spec.BackoffLimit = int.MaxValue;
        }));
        Settle();
        Pod OfIndex(string index) => Active.Single(pod => pod.Annotations["batch.kubernetes.io/job-completion-index"] == index);

        End(OfIndex("0"), "Failed", 1);
        Settle();
        _cluster.Now += TimeSpan.FromSeconds(10);
        Settle();
        Assert.Equal("1", OfIndex("0").Annotations["batch.kubernetes.io/job-index-failure-count"]);
        End(OfIndex("0"), "Failed", 1);
        Settle();

        Assert.Equal("0", Work.Status.FailedIndexes);
        Assert.Single(Active);
        End(OfIndex("1"), "Succeeded");
        Settle();
        Assert.Contains("Failed=True FailedIndexes", Conditions);
        Assert.Equal("1", Work.Status.CompletedIndexes);
        Assert.All(_cluster.List<Pod>(), pod => Assert.Empty(pod.Metadata.Finalizers.OrEmpty()));
    }

    [Fact]
    public void A_failure_policy_may_end_the_job_at_once()
    {
        _cluster.With(New(completions: 4, parallelism: 2, spec => spec.PodFailurePolicy = new PodFailurePolicy
        {
            Rules =
            [
                new PodFailurePolicyRule
                {
                    Action = "FailJob",
                    OnExitCodes = new PodFailurePolicyOnExitCodesRequirement { Operator = "In", Values = [42] },
                },
            ],
        }));
        Settle();
        var pod = Active[0];
        End(pod, "Failed", 42);

        Settle();

        var target = Work.Status.Conditions!.Single(c => c.Type == "FailureTarget");
        Assert.Equal("PodFailurePolicy", target.Reason);
        Assert.Equal($"Container main for pod default/{pod.Name} failed with exit code 42 matching FailJob rule at index 0", target.Message);
        Assert.Empty(Active);
    }

    [Fact]
    public void A_failure_policy_may_ignore_disruptions()
    {
        _cluster.With(New(change: spec =>
        {
            spec.BackoffLimit = 0;
            spec.PodFailurePolicy = new PodFailurePolicy
            {
                Rules =
                [
                    new PodFailurePolicyRule
                    {
                        Action = "Ignore",
                        OnPodConditions = [new PodFailurePolicyOnPodConditionsPattern { Type = "DisruptionTarget", Status = "True" }],
                    },
                ],
            };
        }));
        Settle();
        var pod = Active[0];
        End(pod, "Failed", 137);
        _cluster.Change<Pod>(pod.Namespace, pod.Name, p => p.Status.Conditions =
            [new PodCondition { Type = "DisruptionTarget", Status = "True" }]);

        Settle();

        Assert.Null(Work.Status.Failed);
        Assert.Single(Active);
    }

    [Fact]
    public void A_success_policy_ends_an_indexed_job_early()
    {
        _cluster.With(New(completions: 3, parallelism: 3, spec =>
        {
            spec.CompletionMode = "Indexed";
            spec.SuccessPolicy = new SuccessPolicy { Rules = [new SuccessPolicyRule { SucceededIndexes = "0" }] };
        }));
        Settle();
        End(Active.Single(pod => pod.Annotations["batch.kubernetes.io/job-completion-index"] == "0"), "Succeeded");

        Settle();

        Assert.Equal(["SuccessCriteriaMet=True SuccessPolicy", "Complete=True SuccessPolicy"], Conditions);
        Assert.Empty(Active);
    }

    [Fact]
    public void Suspending_removes_the_pods_without_counting_them_and_resuming_starts_anew()
    {
        _cluster.With(New(completions: 2, parallelism: 2));
        Settle();
        _cluster.Edit<Job>(Make.Ns, "work", job => job.Spec.Suspend = true);

        Settle();

        Assert.Empty(Active);
        Assert.Equal(["Suspended=True JobSuspended"], Conditions);
        Assert.Equal((null, null), (Work.Status.Failed, Work.Status.StartTime));
        Assert.Contains("Normal Suspended Job suspended", _cluster.Events);
        _cluster.Now += TimeSpan.FromMinutes(5);
        _cluster.Edit<Job>(Make.Ns, "work", job => job.Spec.Suspend = false);
        Settle();

        Assert.Equal(2, Active.Count);
        Assert.Equal(["Suspended=False JobResumed"], Conditions);
        Assert.Equal(_cluster.Now, Work.Status.StartTime);
    }

    [Fact]
    public void A_pod_that_is_too_many_is_not_deleted_while_it_would_count_as_failed()
    {
        _cluster.With(New(completions: 2, parallelism: 2));
        Settle();
        _cluster.Edit<Job>(Make.Ns, "work", job => job.Spec.Parallelism = 1);
        _cluster.Refusal = intent => intent is Patch ? Make.Refused("InternalError", "lost", 500) : null;

        Look();

        Assert.All(_cluster.List<Pod>(), pod => Assert.False(pod.IsBeingDeleted));
        _cluster.Refusal = _ => null;
        Settle();
        Assert.Single(_cluster.List<Pod>());
        Assert.Null(Work.Status.Failed);
    }

    [Fact]
    public void Without_a_number_of_completions_the_first_success_stops_further_pods()
    {
        _cluster.With(New(completions: null, parallelism: 2));
        Settle();
        var pods = Active;
        End(pods[0], "Succeeded");
        Settle();
        Assert.Single(Active);

        End(pods[1], "Succeeded");
        Settle();

        Assert.Contains("Complete=True CompletionsReached", Conditions);
        Assert.Equal(2, Work.Status.Succeeded);
    }

    [Fact]
    public void The_pods_of_a_job_that_is_gone_lose_the_finalizer()
    {
        var job = New();
        _cluster.With(job);
        Settle();
        _cluster.Remove(Work);

        Look();

        Assert.All(_cluster.List<Pod>(), pod => Assert.Empty(pod.Metadata.Finalizers.OrEmpty()));
    }

    [Fact]
    public void A_finished_job_goes_when_its_time_is_over()
    {
        var job = New(change: spec => spec.TtlSecondsAfterFinished = 60);
        job.Status.Conditions = [new JobCondition { Type = "Complete", Status = "True", LastTransitionTime = _cluster.Now }];
        _cluster.With(job);

        var early = _cluster.Reconcile(FinishedJobController.Description, Key);
        Assert.Equal(_cluster.Now.AddSeconds(60), early.RequeueAt);
        _cluster.Now += TimeSpan.FromSeconds(60);
        _cluster.Reconcile(FinishedJobController.Description, Key);

        var delete = Assert.Single(_cluster.Done.OfType<Delete>());
        Assert.Equal(PropagationPolicy.Foreground, delete.Propagation);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("0", "0")]
    [InlineData("0,1", "0,1")]
    [InlineData("0-2,4", "0-2,4")]
    [InlineData("3,1,2,7,8", "1-3,7,8")]
    public void Indexes_are_written_as_ranges(string read, string written) =>
        Assert.Equal(written, IndexSet.Parse(read).ToString());
}
