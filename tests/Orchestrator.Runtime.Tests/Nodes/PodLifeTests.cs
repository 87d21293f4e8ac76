using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Hollow;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>Pods from binding to removal, as the API shows them.</summary>
public sealed class PodLifeTests
{
    [Fact]
    public async Task A_bound_pod_runs_and_is_ready_with_an_address_and_its_events()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("web");
        await cluster.UntilReadyAsync("web");
        await HollowCluster.UntilAsync(() => cluster.Reasons("web").Count() >= 4, "four events");

        PodStatus status = cluster.Api.Pod("web").Status;
        Assert.Equal("Running", status.Phase);
        Assert.Equal("10.64.0.2", status.PodIP);
        Assert.Equal("127.0.0.1", status.HostIP);
        Assert.NotNull(status.StartTime);
        ContainerStatus main = status.ContainerStatuses![0];
        Assert.True(main is { Ready: true, Started: true, RestartCount: 0, Image: "nginx:1.27" });
        Assert.StartsWith("hollow://", main.ContainerID);
        Assert.StartsWith("nginx@sha256:", main.ImageID);
        Assert.NotNull(main.State!.Running!.StartedAt);
        Assert.Equal(
            ["ContainersReady", "Initialized", "PodReadyToStartContainers", "PodScheduled", "Ready"],
            status.Conditions!.Where(condition => condition.Status == "True").Select(condition => condition.Type!).Order());
        Assert.Equal(["Pulling", "Pulled", "Created", "Started"], cluster.Reasons("web"));
    }

    [Fact]
    public async Task A_quick_start_costs_one_write_of_the_status()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("web");
        await HollowCluster.UntilAsync(() => cluster.IsReady("web"), "web is ready");

        Assert.Equal(1, cluster.Api.Counts["patch Pod"]);
    }

    [Fact]
    public async Task A_slow_start_is_shown_as_creating_until_its_delay_is_over()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("slow", pod => (pod.Metadata.Annotations ??= [])["hollow.orchestrator/ready-after"] = "30s");
        await cluster.AdvanceUntilAsync(() => cluster.MainOrNull("slow")?.State?.Waiting is not null, "it waits");
        ContainerStatus early = cluster.Main("slow");
        DateTimeOffset boundAt = cluster.Api.Pod("slow").Status.StartTime!.Value;
        await cluster.UntilReadyAsync("slow");

        Assert.Equal("ContainerCreating", early.State!.Waiting!.Reason);
        Assert.True(cluster.Main("slow").State!.Running!.StartedAt - boundAt >= TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData("Never", null, "Succeeded", 0, "Completed")]
    [InlineData("OnFailure", null, "Succeeded", 0, "Completed")]
    [InlineData("Never", "3", "Failed", 3, "Error")]
    public async Task A_pod_that_does_not_want_its_containers_back_ends(string policy, string? exitCode, string phase, int code, string reason)
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("job", pod =>
        {
            pod.Spec.RestartPolicy = policy;
            if (exitCode is not null)
                (pod.Metadata.Annotations ??= [])["hollow.orchestrator/exit-code"] = exitCode;
        });
        await cluster.UntilPhaseAsync("job", phase);

        ContainerStateTerminated ended = cluster.Main("job").State!.Terminated!;
        Assert.Equal((code, reason), (ended.ExitCode, ended.Reason));
        Assert.True(ended.FinishedAt >= ended.StartedAt);
        Assert.False(cluster.IsReady("job"));
        Assert.Equal("10.64.0.2", cluster.Api.Pod("job").Status.PodIP);
    }

    [Fact]
    public async Task A_command_that_the_shell_knows_is_run_and_decides_how_the_pod_ends()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("job", pod =>
        {
            pod.Spec.RestartPolicy = "Never";
            pod.Spec.Containers![0].Command = ["sh", "-c", "echo working; sleep 20; exit 5"];
        });
        await cluster.UntilPhaseAsync("job", "Failed");

        ContainerStateTerminated ended = cluster.Main("job").State!.Terminated!;
        Assert.Equal(5, ended.ExitCode);
        Assert.True(ended.FinishedAt - ended.StartedAt >= TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_container_that_fails_again_and_again_waits_twice_as_long_each_time_up_to_five_minutes()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        double[] expected = [0, 10, 20, 40, 80, 160, 300, 300];
        // Whoever looks seldom misses a life: its number says which it was.
        var lives = new SortedDictionary<int, ContainerStateTerminated>();

        cluster.Bind("crash", pod => (pod.Metadata.Annotations ??= [])["hollow.orchestrator/fail"] = "exit");
        while (lives.Count == 0 || lives.Keys.Max() < expected.Length)
        {
            await cluster.AdvanceUntilAsync(
                () => cluster.Main("crash") is { State.Waiting: not null, LastState.Terminated: not null } waiting && !lives.ContainsKey(waiting.RestartCount!.Value),
                "another life", TimeSpan.FromSeconds(2));
            ContainerStatus ended = cluster.Main("crash");
            lives[ended.RestartCount!.Value] = ended.LastState!.Terminated!;
        }

        int waits = 0;
        foreach ((int number, ContainerStateTerminated life) in lives.Where(entry => lives.ContainsKey(entry.Key - 1)))
        {
            waits++;
            double wait = expected[Math.Min(number, expected.Length) - 1];
            Assert.InRange((life.StartedAt! - lives[number - 1].FinishedAt!).Value.TotalSeconds, wait, wait + 20);
        }
        Assert.True(waits >= expected.Length / 2, $"only {waits} waits were seen");
        ContainerStatus main = cluster.Main("crash");
        Assert.Equal("CrashLoopBackOff", main.State!.Waiting!.Reason);
        Assert.StartsWith("back-off 5m0s restarting failed container=main pod=crash_default(uid-", main.State.Waiting.Message);
        Assert.Equal(1, main.LastState!.Terminated!.ExitCode);
        Assert.True(main.RestartCount >= 7);
        Assert.Equal("Running", cluster.Api.Pod("crash").Status.Phase);
        Assert.Contains("BackOff", cluster.Reasons("crash"));
    }

    [Fact]
    public async Task An_image_that_is_not_there_is_an_error_then_a_back_off_and_its_correction_starts_the_pod()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("web", pod => pod.Spec.Containers![0].Image = "nginx:missing");
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").State?.Waiting?.Reason == "ErrImagePull", "the error", TimeSpan.FromMilliseconds(200));
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").State?.Waiting?.Reason == "ImagePullBackOff", "the back-off", TimeSpan.FromMilliseconds(200));
        string message = cluster.Main("web").State!.Waiting!.Message!;
        string phase = cluster.Api.Pod("web").Status.Phase!;
        cluster.Api.Change("web", pod => pod.Spec.Containers![0].Image = "nginx:1.27");
        await cluster.UntilReadyAsync("web");

        Assert.Equal("Pending", phase);
        Assert.StartsWith("Back-off pulling image \"nginx:missing\": ErrImagePull: ", message);
        Assert.Equal("nginx:1.27", cluster.Main("web").Image);
    }

    [Theory]
    [InlineData("UPPER:1", null, null, "InvalidImageName", "Pending")]
    [InlineData("nginx:1", "Never", null, "ErrImageNeverPull", "Pending")]
    [InlineData("nginx:1", null, "create", "CreateContainerError", "Pending")]
    [InlineData("nginx:1", null, "start", "RunContainerError", "Running")] // What has ended once has run, for a phase.
    public async Task A_container_that_cannot_start_says_why(string image, string? pullPolicy, string? fail, string reason, string phase)
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("web", pod =>
        {
            pod.Spec.Containers![0].Image = image;
            pod.Spec.Containers[0].ImagePullPolicy = pullPolicy;
            if (fail is not null)
                (pod.Metadata.Annotations ??= [])["hollow.orchestrator/fail"] = fail;
        });
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").State?.Waiting?.Reason == reason, reason, TimeSpan.FromMilliseconds(200));

        Assert.Equal(phase, cluster.Api.Pod("web").Status.Phase);
        Assert.False(string.IsNullOrEmpty(cluster.Main("web").State!.Waiting!.Message));
    }

    [Fact]
    public async Task A_container_that_cannot_start_is_tried_again_after_a_pause_whatever_happens_meanwhile()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web", pod => (pod.Metadata.Annotations ??= [])["hollow.orchestrator/fail"] = "start");
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").State?.Waiting?.Reason == "RunContainerError", "the error", TimeSpan.FromMilliseconds(200));

        DateTimeOffset begin = cluster.Now;
        await cluster.AdvanceUntilAsync(
            () =>
            {
                cluster.Api.Change("web", pod => (pod.Metadata.Annotations ??= [])["seen"] = cluster.Now.ToString("O"));
                return cluster.Now - begin >= TimeSpan.FromSeconds(25);
            },
            "time passes", TimeSpan.FromMilliseconds(200));

        Assert.InRange(cluster.Api.Events.Where(seen => seen.Reason == "Created").Sum(seen => seen.Count ?? 1), 1, 4);
    }

    [Fact]
    public async Task A_container_whose_process_cannot_be_started_has_ended_and_its_tries_count_as_restarts()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("web", pod => (pod.Metadata.Annotations ??= [])["hollow.orchestrator/fail"] = "start");
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").State?.Waiting?.Reason == "CrashLoopBackOff", "the back-off");
        ContainerStatus early = cluster.Main("web");
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").RestartCount == 3, "the third restart");

        ContainerStateTerminated ended = early.LastState!.Terminated!;
        Assert.Equal((128, "StartError", DateTimeOffset.UnixEpoch), (ended.ExitCode, ended.Reason, ended.StartedAt));
        Assert.Contains("failed to create shim task", ended.Message);
        Assert.Equal(1, early.RestartCount);
        Assert.True(cluster.Main("web").LastState!.Terminated!.FinishedAt - ended.FinishedAt >= TimeSpan.FromSeconds(30)); // 10 s and 20 s.
    }

    [Fact]
    public async Task A_pod_that_is_never_restarted_fails_when_its_process_cannot_be_started()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("job", pod =>
        {
            pod.Spec.RestartPolicy = "Never";
            (pod.Metadata.Annotations ??= [])["hollow.orchestrator/fail"] = "start";
        });
        await cluster.UntilPhaseAsync("job", "Failed");

        Assert.Equal("StartError", cluster.Main("job").State!.Terminated!.Reason);
    }

    [Fact]
    public async Task Init_containers_run_one_after_another_before_the_others_and_sidecars_stay()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("web", pod =>
        {
            (pod.Metadata.Annotations ??= [])["hollow.orchestrator/ready-after.second"] = "10s";
            pod.Spec.InitContainers =
            [
                new Container { Name = "first", Image = "busybox" },
                new Container { Name = "proxy", Image = "envoy", RestartPolicy = "Always" },
                new Container { Name = "second", Image = "busybox" },
            ];
        });
        await cluster.AdvanceUntilAsync(() => cluster.Api.Pod("web").Status.InitContainerStatuses?[1].State?.Running is not null, "the sidecar runs");
        PodStatus during = cluster.Api.Pod("web").Status;
        await cluster.UntilReadyAsync("web");

        Assert.Equal("Pending", during.Phase);
        Assert.Equal("PodInitializing", during.ContainerStatuses![0].State!.Waiting!.Reason);
        Assert.Equal("containers with incomplete status: [second]", during.Conditions!.Find(condition => condition.Type == "Initialized")!.Message);
        List<ContainerStatus> init = cluster.Api.Pod("web").Status.InitContainerStatuses!;
        Assert.True(init[0].State!.Terminated!.FinishedAt <= init[2].State!.Terminated!.StartedAt);
        Assert.NotNull(init[1].State!.Running);
        Assert.True(init[2].State!.Terminated!.FinishedAt <= cluster.Main("web").State!.Running!.StartedAt);
    }

    [Fact]
    public async Task A_sidecar_ends_when_the_pods_own_containers_have()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("job", pod =>
        {
            pod.Spec.RestartPolicy = "Never";
            pod.Spec.InitContainers = [new Container { Name = "proxy", Image = "envoy", RestartPolicy = "Always" }];
        });
        await cluster.UntilPhaseAsync("job", "Succeeded");

        Assert.NotNull(cluster.Api.Pod("job").Status.InitContainerStatuses![0].State!.Terminated);
    }

    [Fact]
    public async Task A_failed_init_container_fails_a_pod_that_is_never_restarted()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("job", pod =>
        {
            pod.Spec.RestartPolicy = "Never";
            (pod.Metadata.Annotations ??= [])["hollow.orchestrator/exit-code.setup"] = "2";
            pod.Spec.InitContainers = [new Container { Name = "setup", Image = "busybox" }];
        });
        await cluster.UntilPhaseAsync("job", "Failed");

        Assert.Equal(2, cluster.Api.Pod("job").Status.InitContainerStatuses![0].State!.Terminated!.ExitCode);
        Assert.Null(cluster.Main("job").ContainerID);
    }

    [Fact]
    public async Task A_deleted_pod_has_its_grace_then_says_that_it_has_ended_and_goes()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web", pod => (pod.Metadata.Annotations ??= [])["hollow.orchestrator/stop-after"] = "10s");
        await cluster.UntilReadyAsync("web");
        DateTimeOffset deletedAt = cluster.Now;

        cluster.Api.Delete("web", graceSeconds: 3000, cluster.Now);
        await cluster.AdvanceUntilAsync(() => cluster.Api.Get<Pod>("web", "default") is null, "web is gone");

        Assert.InRange((cluster.Now - deletedAt).TotalSeconds, 10, 2999);
        Assert.Equal(1, cluster.Api.Counts["delete Pod"]);
        await HollowCluster.UntilAsync(() => cluster.Reasons("web").Contains("Killing"), "the event");
        await HollowCluster.UntilAsync(() => !cluster.Nodes.Kubelets.Single().Pods.Any(), "the kubelet has forgotten it");
    }

    [Fact]
    public async Task Containers_take_the_nodes_time_to_end_where_no_annotation_says_otherwise()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync(
            new HollowOptions { StartDelay = TimeSpan.Zero, StopDelay = TimeSpan.FromSeconds(5) });
        cluster.Bind("web");
        await cluster.UntilReadyAsync("web");
        DateTimeOffset deletedAt = cluster.Now;

        cluster.Api.Delete("web", graceSeconds: 3000, cluster.Now);
        await cluster.AdvanceUntilAsync(() => cluster.Api.Get<Pod>("web", "default") is null, "web is gone");

        Assert.InRange((cluster.Now - deletedAt).TotalSeconds, 5, 2999);
    }

    [Fact]
    public async Task A_container_that_does_not_obey_is_killed_when_the_grace_is_over()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("stubborn", pod =>
        {
            (pod.Metadata.Annotations ??= [])["hollow.orchestrator/stop-after"] = "1h";
            pod.Metadata.Finalizers = ["example.com/keep"];
        });
        await cluster.UntilReadyAsync("stubborn");
        DateTimeOffset deletedAt = cluster.Now;

        cluster.Api.Delete("stubborn", graceSeconds: 20, cluster.Now);
        await cluster.AdvanceUntilAsync(() => cluster.Main("stubborn").State?.Terminated?.ExitCode == 137, "it is killed");

        Assert.InRange((cluster.Now - deletedAt).TotalSeconds, 20, 3599);
    }

    [Fact]
    public async Task A_shorter_grace_overtakes_a_longer_one()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("stubborn", pod => (pod.Metadata.Annotations ??= [])["hollow.orchestrator/stop-after"] = "1h");
        await cluster.UntilReadyAsync("stubborn");
        cluster.Api.Delete("stubborn", graceSeconds: 3000, cluster.Now);
        await HollowCluster.UntilAsync(() => cluster.Reasons("stubborn").Contains("Killing"), "it is being stopped");
        DateTimeOffset hurriedAt = cluster.Now;

        cluster.Api.Delete("stubborn", graceSeconds: 5, cluster.Now);
        await cluster.AdvanceUntilAsync(() => cluster.Api.Get<Pod>("stubborn", "default") is null, "it is gone");

        Assert.InRange((cluster.Now - hurriedAt).TotalSeconds, 5, 2999);
    }

    [Fact]
    public async Task A_pre_stop_hook_runs_before_the_stop_and_out_of_the_same_grace()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web", pod => pod.Spec.Containers![0].Lifecycle = new Lifecycle
        {
            PreStop = new LifecycleHandler { Exec = new ExecAction { Command = ["sleep", "12"] } },
        });
        await cluster.UntilReadyAsync("web");
        DateTimeOffset deletedAt = cluster.Now;

        cluster.Api.Delete("web", graceSeconds: 3000, cluster.Now);
        await cluster.AdvanceUntilAsync(() => cluster.Api.Get<Pod>("web", "default") is null, "web is gone");

        Assert.InRange((cluster.Now - deletedAt).TotalSeconds, 12, 2999);
    }

    [Fact]
    public async Task A_pod_that_is_forced_away_leaves_nothing_behind_and_its_name_can_be_taken_at_once()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web", pod => (pod.Metadata.Annotations ??= [])["hollow.orchestrator/stop-after"] = "1h");
        await cluster.UntilReadyAsync("web");

        cluster.Api.Remove("web");
        cluster.Bind("web");
        await cluster.UntilReadyAsync("web");

        await HollowCluster.UntilAsync(() => cluster.Nodes.Kubelets.Single().Pods.Count() == 1, "only the new one is left");
    }

    [Fact]
    public async Task Annotations_on_a_running_pod_end_fail_and_restart_it()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web");
        await cluster.UntilReadyAsync("web");

        cluster.Api.Change("web", pod => (pod.Metadata.Annotations ??= [])["hollow.orchestrator/restart"] = "1");
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").RestartCount == 1 && cluster.IsReady("web"), "the restart");
        ContainerStateTerminated restarted = cluster.Main("web").LastState!.Terminated!;
        cluster.Api.Change("web", pod =>
        {
            (pod.Metadata.Annotations ??= [])["hollow.orchestrator/exit-after"] = "5s";
            (pod.Metadata.Annotations ??= [])["hollow.orchestrator/exit-code"] = "9";
        });
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").LastState?.Terminated?.ExitCode == 9, "the end");

        Assert.Equal(0, restarted.ExitCode);
        Assert.Equal("Error", cluster.Main("web").LastState!.Terminated!.Reason);
    }

    [Fact]
    public async Task A_pod_that_asks_for_more_than_is_left_is_turned_away()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("large", pod => pod.Spec.Containers![0].Resources = new() { Requests = new() { ["cpu"] = Quantity.Parse("7") } });
        await cluster.UntilReadyAsync("large");

        cluster.Bind("another", pod => pod.Spec.Containers![0].Resources = new() { Requests = new() { ["cpu"] = Quantity.Parse("1500m") } });
        await cluster.UntilPhaseAsync("another", "Failed");

        PodStatus status = cluster.Api.Pod("another").Status;
        Assert.Equal("OutOfcpu", status.Reason);
        Assert.Equal("Pod was rejected: Node didn't have enough resource: cpu, requested: 1500, used: 7000, capacity: 8000", status.Message);
        await HollowCluster.UntilAsync(() => cluster.Reasons("another").SequenceEqual(["OutOfcpu"]), "the event");
    }

    [Fact]
    public async Task A_pod_that_the_node_itself_needs_gets_its_room_once_others_have_gone()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("large", pod => Ask(pod, "5"));
        cluster.Bind("small", pod => Ask(pod, "2"));
        await cluster.UntilReadyAsync("large");
        await cluster.UntilReadyAsync("small");

        cluster.Bind("critical", pod =>
        {
            Ask(pod, "2500m");
            pod.Spec.Priority = 2_000_000_000;
        });
        await cluster.UntilReadyAsync("critical");

        PodStatus small = cluster.Api.Pod("small").Status;
        Assert.Equal(("Failed", "Preempting", "Preempted in order to admit critical pod"), (small.Phase, small.Reason, small.Message));
        Assert.NotNull(cluster.Main("small").State!.Terminated);
        Assert.Equal("TerminationByKubelet", cluster.Condition("small", "DisruptionTarget")!.Reason);
        Assert.True(cluster.IsReady("large"));
        await HollowCluster.UntilAsync(() => cluster.Reasons("small").Contains("Preempting"), "the event");
        Assert.DoesNotContain("OutOfcpu", cluster.Reasons("critical"));
    }

    [Fact]
    public async Task Nobody_goes_for_a_pod_that_would_not_fit_all_the_same()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web", pod => Ask(pod, "5"));
        await cluster.UntilReadyAsync("web");

        cluster.Bind("critical", pod =>
        {
            Ask(pod, "9");
            pod.Spec.Priority = 2_000_000_000;
        });
        await cluster.UntilPhaseAsync("critical", "Failed");

        Assert.Equal("OutOfcpu", cluster.Api.Pod("critical").Status.Reason);
        Assert.True(cluster.IsReady("web"));
    }

    [Theory]
    [InlineData("NodePorts", "Pod was rejected: Predicate NodePorts failed")]
    [InlineData("NodeAffinity", "Pod was rejected: Predicate NodeAffinity failed")]
    [InlineData("SysctlForbidden", "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted")]
    public async Task A_pod_that_was_bound_past_the_scheduler_is_turned_away(string reason, string message)
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("first", pod => pod.Spec.Containers![0].Ports = [new ContainerPort { ContainerPortValue = 80, HostPort = 8080 }]);
        await cluster.UntilReadyAsync("first");

        cluster.Bind("other", pod =>
        {
            switch (reason)
            {
                case "NodePorts":
                    pod.Spec.Containers![0].Ports = [new ContainerPort { ContainerPortValue = 80, HostPort = 8080, HostIP = "127.0.0.1" }];
                    break;
                case "NodeAffinity":
                    pod.Spec.NodeSelector = new() { ["disk"] = "ssd" };
                    break;
                default:
                    pod.Spec.SecurityContext = new() { Sysctls = [new Sysctl { Name = "kernel.msgmax", Value = "1" }] };
                    break;
            }
        });
        await cluster.UntilPhaseAsync("other", "Failed");

        Assert.Equal((reason, message), (cluster.Api.Pod("other").Status.Reason, cluster.Api.Pod("other").Status.Message));
    }

    [Fact]
    public async Task A_label_that_the_scheduler_saw_before_the_node_did_is_read_before_a_pod_is_turned_away()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        Node node = cluster.Api.Get<Node>("hollow")!.DeepClone();
        node.Metadata.Labels!["disk"] = "ssd";
        await cluster.Api.UpdateAsync(node, CancellationToken.None); // No watch tells of it.

        cluster.Bind("web", pod => pod.Spec.NodeSelector = new() { ["disk"] = "ssd" });

        await cluster.UntilReadyAsync("web");
    }

    [Theory]
    [InlineData("/tmp", "error SubPath `/tmp` must not be an absolute path")]
    [InlineData("a/../b", "unable to provision SubPath `a/../b`: must not contain '..'")]
    [InlineData(null, "missing value for \"WHERE\"")]
    public async Task A_mount_that_leads_out_of_its_volume_keeps_the_container_from_its_start(string? value, string message)
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("web", pod =>
        {
            Container main = pod.Spec.Containers![0];
            main.Env = value is null ? null : [new EnvVar { Name = "WHERE", Value = value }];
            main.VolumeMounts = [new VolumeMount { Name = "v", MountPath = "/v", SubPathExpr = "$(WHERE)" }];
        });
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").State?.Waiting?.Reason == "CreateContainerConfigError", "it waits");

        Assert.Equal(message, cluster.Main("web").State!.Waiting!.Message);
    }

    [Theory]
    [InlineData("echo working; echo broken; exit 3", "FallbackToLogsOnError", "working\nbroken")]
    [InlineData("echo working; echo broken; exit 3", "File", null)]
    [InlineData("echo working; exit 0", "FallbackToLogsOnError", null)]
    public async Task The_end_of_a_failed_containers_log_is_its_message_where_it_asks_for_that(string text, string policy, string? message)
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("job", pod =>
        {
            pod.Spec.RestartPolicy = "Never";
            pod.Spec.Containers![0].Command = ["sh", "-c", text];
            pod.Spec.Containers![0].TerminationMessagePolicy = policy;
        });
        await cluster.AdvanceUntilAsync(() => cluster.Main("job").State?.Terminated is not null, "its end");

        Assert.Equal(message, cluster.Main("job").State!.Terminated!.Message);
    }

    [Fact]
    public async Task Work_that_is_stopped_half_way_has_failed()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("job", pod =>
        {
            pod.Spec.RestartPolicy = "Never";
            pod.Spec.Containers![0].Command = ["sleep", "100000"];
            pod.Metadata.Finalizers = ["example.com/look"];
        });
        await cluster.UntilReadyAsync("job");

        cluster.Api.Delete("job", 30, cluster.Now);
        await cluster.UntilPhaseAsync("job", "Failed");

        Assert.Equal(143, cluster.Main("job").State!.Terminated!.ExitCode);
    }

    [Fact]
    public async Task Containers_find_services_and_the_nodes_whole_size_in_their_environment()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Api.Write(new Service
        {
            Metadata = new() { Name = "my-db", Namespace = "default" },
            Spec = new() { ClusterIP = "10.96.0.7", Ports = [new ServicePort { Port = 5432, Name = "sql" }] },
        });
        cluster.Api.Write(new Service { Metadata = new() { Name = "headless", Namespace = "default" }, Spec = new() { ClusterIP = "None" } });

        cluster.Bind("job", pod =>
        {
            pod.Spec.RestartPolicy = "Never";
            Container main = pod.Spec.Containers![0];
            main.Command = ["sh", "-c", "env; exit 1"];
            main.TerminationMessagePolicy = "FallbackToLogsOnError";
            main.Env =
            [
                new EnvVar { Name = "LIMIT", ValueFrom = new() { ResourceFieldRef = new() { Resource = "limits.cpu" } } },
                new EnvVar { Name = "WHERE", Value = "$(MY_DB_SERVICE_HOST)" },
                new EnvVar { Name = "MY_DB_PORT", Value = "mine" },
            ];
        });
        await cluster.AdvanceUntilAsync(() => cluster.Main("job").State?.Terminated is not null, "its end");

        string[] environment = cluster.Main("job").State!.Terminated!.Message!.Split('\n');
        Assert.Equal(
            [
                "HOSTNAME=job", "LIMIT=8", "MY_DB_PORT=mine", "MY_DB_PORT_5432_TCP=tcp://10.96.0.7:5432", "MY_DB_PORT_5432_TCP_ADDR=10.96.0.7",
                "MY_DB_PORT_5432_TCP_PORT=5432", "MY_DB_PORT_5432_TCP_PROTO=tcp", "MY_DB_SERVICE_HOST=10.96.0.7", "MY_DB_SERVICE_PORT=5432",
                "MY_DB_SERVICE_PORT_SQL=5432", "WHERE=10.96.0.7",
            ],
            environment.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_pod_whose_time_is_over_fails()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        cluster.Bind("job", pod => pod.Spec.ActiveDeadlineSeconds = 60);
        await cluster.UntilReadyAsync("job");
        await cluster.UntilPhaseAsync("job", "Failed");

        Assert.Equal("DeadlineExceeded", cluster.Api.Pod("job").Status.Reason);
        Assert.True(cluster.Now - cluster.Api.Pod("job").Status.StartTime >= TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Readiness_follows_its_probe_and_a_failed_liveness_probe_restarts_the_container()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web", pod =>
        {
            Container main = pod.Spec.Containers![0];
            main.ReadinessProbe = new Probe { HttpGet = new HTTPGetAction { Port = 80 }, PeriodSeconds = 5, FailureThreshold = 2, InitialDelaySeconds = 10 };
            main.LivenessProbe = new Probe { TcpSocket = new TCPSocketAction { Port = 80 }, PeriodSeconds = 10, FailureThreshold = 3 };
        });

        await cluster.UntilPhaseAsync("web", "Running");
        bool wasReadyAtOnce = cluster.IsReady("web");
        await cluster.UntilReadyAsync("web");
        DateTimeOffset startedAt = cluster.Main("web").State!.Running!.StartedAt!.Value;
        TimeSpan untilReady = cluster.Now - startedAt;
        cluster.Api.Change("web", pod => (pod.Metadata.Annotations ??= [])["hollow.orchestrator/probes"] = "fail");
        await cluster.AdvanceUntilAsync(() => !cluster.IsReady("web"), "it is not ready");
        string unready = cluster.Condition("web", "Ready")!.Message!;
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").RestartCount > 0, "it is restarted");
        await HollowCluster.UntilAsync(
            () => cluster.Api.Events.Any(told => told.Message == "Container main failed liveness probe, will be restarted"), "the event");

        Assert.False(wasReadyAtOnce);
        Assert.True(untilReady >= TimeSpan.FromSeconds(10));
        Assert.Equal("containers with unready status: [main]", unready);
        Assert.Contains(cluster.Api.Events, told => told.Message == "Readiness probe failed: HTTP probe failed with statuscode: 503" && told.Count > 1);
    }

    [Fact]
    public async Task A_startup_probe_comes_before_the_others()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web", pod =>
        {
            Container main = pod.Spec.Containers![0];
            main.StartupProbe = new Probe { Exec = new ExecAction { Command = ["true"] }, PeriodSeconds = 5, InitialDelaySeconds = 20 };
            main.LivenessProbe = new Probe { Exec = new ExecAction { Command = ["false"] }, PeriodSeconds = 1, FailureThreshold = 1 };
        });

        await cluster.AdvanceUntilAsync(() => cluster.MainOrNull("web")?.State?.Running is not null, "it runs");
        bool wasStarted = cluster.Main("web").Started == true;
        DateTimeOffset startedAt = cluster.Main("web").State!.Running!.StartedAt!.Value;
        await cluster.AdvanceUntilAsync(() => cluster.Main("web").RestartCount > 0, "liveness has its say");

        Assert.False(wasStarted);
        Assert.True(cluster.Main("web").LastState!.Terminated!.FinishedAt - startedAt >= TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task An_ephemeral_container_starts_once_in_a_running_pod()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web");
        await cluster.UntilReadyAsync("web");

        cluster.Api.Change("web", pod => pod.Spec.EphemeralContainers = [new EphemeralContainer { Name = "debugger", Image = "busybox", Stdin = true }]);
        await cluster.AdvanceUntilAsync(() => cluster.Api.Pod("web").Status.EphemeralContainerStatuses?[0].State?.Running is not null, "it runs");

        Assert.True(cluster.IsReady("web"));
        Assert.Equal(0, cluster.Main("web").RestartCount);
    }

    [Fact]
    public async Task Another_image_ends_the_container_and_starts_it_anew()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web");
        await cluster.UntilReadyAsync("web");

        cluster.Api.Change("web", pod => pod.Spec.Containers![0].Image = "nginx:1.28");
        await cluster.AdvanceUntilAsync(() => cluster.Main("web") is { Image: "nginx:1.28", Ready: true }, "the new image runs");

        Assert.Equal(1, cluster.Main("web").RestartCount);
    }

    [Fact]
    public async Task Conditions_that_others_set_stay_and_readiness_gates_are_heeded()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web", pod => pod.Spec.ReadinessGates = [new PodReadinessGate { ConditionType = "example.com/lb" }]);
        await cluster.UntilPhaseAsync("web", "Running");
        PodCondition before = cluster.Condition("web", "Ready")!;

        cluster.Api.Change("web", pod => pod.Status.Conditions!.Add(new PodCondition { Type = "example.com/lb", Status = "True" }));
        await cluster.UntilReadyAsync("web");

        Assert.Equal("ReadinessGatesNotReady", before.Reason);
        Assert.Equal("corresponding condition of pod readiness gate \"example.com/lb\" does not exist.", before.Message);
        Assert.Equal("True", cluster.Condition("web", "example.com/lb")!.Status);
        PodCondition after = cluster.Condition("web", "Ready")!;
        Assert.Equal((null, null), (after.Reason, after.Message)); // What was the matter is the matter no more.
    }

    [Fact]
    public async Task A_status_that_could_not_be_written_is_written_later()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Api.Failure = new IOException("nobody answers");
        cluster.Bind("web");
        await HollowCluster.UntilAsync(() => cluster.Api.Counts.GetValueOrDefault("patch Pod") > 0, "a try");

        cluster.Api.Failure = null;

        await cluster.UntilReadyAsync("web");
    }

    [Fact]
    public async Task Variables_come_from_maps_secrets_and_fields_and_what_is_missing_is_waited_for()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        cluster.Bind("web", pod =>
        {
            Container main = pod.Spec.Containers![0];
            main.Command = ["sh", "-c", "echo $COLOUR $(SHAPE) $WHO $PASSWORD; sleep 100000"];
            main.EnvFrom = [new EnvFromSource { ConfigMapRef = new ConfigMapEnvSource { Name = "paint" } }];
            main.Env =
            [
                new EnvVar { Name = "SHAPE", Value = "round-$(COLOUR)" },
                new EnvVar { Name = "WHO", ValueFrom = new EnvVarSource { FieldRef = new ObjectFieldSelector { FieldPath = "metadata.name" } } },
                new EnvVar { Name = "PASSWORD", ValueFrom = new EnvVarSource { SecretKeyRef = new SecretKeySelector { Name = "key", Key = "word" } } },
            ];
        });

        await cluster.AdvanceUntilAsync(() => cluster.Main("web").State?.Waiting?.Reason == "CreateContainerConfigError", "it waits");
        string missing = cluster.Main("web").State!.Waiting!.Message!;
        await cluster.Api.CreateAsync(new ConfigMap { Metadata = new() { Name = "paint", Namespace = "default" }, Data = new() { ["COLOUR"] = "red" } }, default);
        await cluster.Api.CreateAsync(new Secret { Metadata = new() { Name = "key", Namespace = "default" }, Data = new() { ["word"] = "hush"u8.ToArray() } }, default);
        await cluster.UntilReadyAsync("web");
        var query = new Microsoft.AspNetCore.Http.QueryCollection();
        using var log = new MemoryStream();
        Kubelet.Kubelet kubelet = cluster.Nodes.Kubelets.Single();
        await HollowCluster.UntilAsync(() => WriteLog(kubelet, log).Length > 0, "the line");

        Assert.Equal("configmap \"paint\" not found", missing);
        Assert.Equal("red round-red web hush\n", System.Text.Encoding.UTF8.GetString(log.ToArray()));

        MemoryStream WriteLog(Kubelet.Kubelet node, MemoryStream target)
        {
            string id = cluster.Main("web").ContainerID!["hollow://".Length..];
            Kubelet.LogQuery.Parse(query, cluster.Now, out _)!.WriteAsync(node.Runtime, id, target, CancellationToken.None).GetAwaiter().GetResult();
            return target;
        }
    }

    [Fact]
    public async Task A_node_that_has_lost_its_containers_runs_pods_anew_but_never_those_that_are_not_to_be_restarted()
    {
        var api = new FakeKubeletApi();
        await using (HollowCluster first = await HollowCluster.StartAsync(api: api))
        {
            first.Bind("web");
            first.Bind("once", pod =>
            {
                pod.Spec.RestartPolicy = "Never";
                (pod.Metadata.Annotations ??= [])["hollow.orchestrator/exit-after"] = "1h";
            });
            await first.UntilReadyAsync("web");
            await first.UntilReadyAsync("once");
        }

        await using HollowCluster second = await HollowCluster.StartAsync(api: api);
        await second.AdvanceUntilAsync(() => second.Main("web").RestartCount == 1 && second.IsReady("web"), "web runs again");
        await second.UntilPhaseAsync("once", "Failed");

        Assert.Equal("ContainerStatusUnknown", second.Main("once").State!.Terminated!.Reason);
    }

    [Fact]
    public async Task A_pod_that_is_shown_as_ready_and_has_lost_its_containers_is_told_to_be_unready_at_once()
    {
        var api = new FakeKubeletApi();
        await using (HollowCluster first = await HollowCluster.StartAsync(api: api))
        {
            first.Bind("web");
            await first.UntilReadyAsync("web");
        }

        await using HollowCluster second = await HollowCluster.StartAsync(new HollowOptions { StartDelay = TimeSpan.FromSeconds(30) }, api: api);

        await HollowCluster.UntilAsync(() => !second.IsReady("web"), "it is told while the clock stands still");
        await second.UntilReadyAsync("web");
    }

    private static void Ask(Pod pod, string cpu) =>
        pod.Spec.Containers![0].Resources = new() { Requests = new() { ["cpu"] = Quantity.Parse(cpu) } };
}
