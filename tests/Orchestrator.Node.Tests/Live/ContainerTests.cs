using System.Diagnostics;
using KvStore.Grpc;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Node.Tests.Live;

/// <summary>Sandboxes and containers in a real containerd.</summary>
[Collection(ContainerdCollection.Name)]
public sealed class ContainerTests(ContainerdFixture fixture)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [LiveFact]
    public async Task The_runtime_says_what_it_is_and_that_it_is_ready()
    {
        RealContainerd containerd = await fixture.GetAsync();

        RuntimeVersion version = await containerd.Runtime.VersionAsync(CancellationToken.None);
        RuntimeStatus status = await containerd.Runtime.StatusAsync(CancellationToken.None);
        bool? usesSystemd = await containerd.Runtime.UsesSystemdCgroupsAsync(CancellationToken.None);
        await containerd.Runtime.UpdateRuntimeConfigAsync("10.88.0.0/24", CancellationToken.None);

        Assert.Equal("containerd", version.Name);
        Assert.Matches(@"^\d+\.\d+", version.Version);
        bool isFirstGeneration = version.Version.StartsWith("1.", StringComparison.Ordinal);
        bool canMountRecursivelyReadOnly = !isFirstGeneration && Environment.OSVersion.Version >= new Version(5, 12); // The kernel's part of it.
        Assert.Equal(new RuntimeStatus(true, true, "") { CanMountRecursivelyReadOnly = canMountRecursivelyReadOnly }, status);
        Assert.Equal(isFirstGeneration ? null : false, usesSystemd); // Asked since 2.0.
    }

    [LiveFact]
    public async Task A_container_runs_and_ends_in_a_sandbox_with_an_address()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "simple");

        string id = await pod.StartAsync(LivePod.Shell("main", "sleep 1000"));
        RuntimeContainer running = await pod.UntilAsync(id, container => container.State == RuntimeContainerState.Running);
        PodSandbox sandbox = (await pod.SandboxAsync())!;
        await containerd.Runtime.StopContainerAsync(id, TimeSpan.Zero, CancellationToken.None);
        RuntimeContainer ended = await pod.UntilAsync(id, container => container.State == RuntimeContainerState.Exited);

        Assert.Equal(("main", 0, pod.Config.Uid, pod.Id, "hash-of-main"), (running.Name, running.Attempt, running.PodUid, running.SandboxId, running.Hash));
        Assert.Equal(RealContainerd.Busybox, running.Image);
        Assert.NotNull(running.StartedAt);
        Assert.True(sandbox.IsReady);
        Assert.StartsWith("10.88.0.", sandbox.Ip);
        Assert.Equal((137, "Error"), (ended.ExitCode, ended.Reason));
        Assert.True(ended.FinishedAt >= ended.StartedAt);
    }

    [LiveFact]
    public async Task An_ended_container_tells_its_exit_code_and_why()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "ending");

        string good = await pod.StartAsync(LivePod.Shell("good", "true"));
        string bad = await pod.StartAsync(LivePod.Shell("bad", "exit 3"));
        RuntimeContainer ended = await pod.UntilAsync(good, container => container.State == RuntimeContainerState.Exited);
        RuntimeContainer failed = await pod.UntilAsync(bad, container => container.State == RuntimeContainerState.Exited);

        Assert.Equal((0, "Completed"), (ended.ExitCode, ended.Reason));
        Assert.Equal((3, "Error"), (failed.ExitCode, failed.Reason));
    }

    [LiveFact]
    public async Task The_file_of_its_last_words_is_an_ended_containers_message()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "last-words");
        string file = Path.Combine(containerd.Folder, "last-words");
        await File.WriteAllTextAsync(file, "");

        string id = await pod.StartAsync(LivePod.Shell("main", "echo -n the end > /dev/termination-log; exit 1", config => config with
        {
            Mounts = [new ContainerMount(file, "/dev/termination-log")],
            Annotations = new Dictionary<string, string> { [CriAnnotations.TerminationMessagePath] = "/dev/termination-log" },
        }));
        RuntimeContainer ended = await pod.UntilAsync(id, container => container.State == RuntimeContainerState.Exited);

        Assert.Equal("the end", ended.Message);
    }

    [LiveFact]
    public async Task A_stop_gives_a_container_its_grace()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "grace");
        string id = await pod.StartAsync(LivePod.Shell("main", "trap 'exit 5' TERM; touch /tmp/ready; while true; do sleep 0.1; done"));
        await pod.ExecAsync(id, "sh", "-c", "until test -e /tmp/ready; do sleep 0.1; done");

        await containerd.Runtime.StopContainerAsync(id, TimeSpan.FromSeconds(30), CancellationToken.None);

        Assert.Equal(5, (await pod.FindAsync(id))!.ExitCode);
    }

    [LiveFact]
    public async Task A_command_that_is_not_there_fails_the_start_with_the_words_of_the_runtime()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "no-command");
        string id = await pod.CreateAsync(LivePod.Shell("main", "") with { Command = ["/no/such/program"] });

        var failure = await Assert.ThrowsAsync<CriException>(() => containerd.Runtime.StartContainerAsync(id, CancellationToken.None));

        Assert.StartsWith("failed to create containerd task: ", failure.Message);
        Assert.Contains("\"/no/such/program\": stat /no/such/program: no such file or directory", failure.Message);
        // It has ended without having begun: what restarts are counted and put off by.
        RuntimeContainer ended = (await pod.FindAsync(id))!;
        Assert.Equal(
            (RuntimeContainerState.Exited, 128, "StartError", true), (ended.State, ended.ExitCode, ended.Reason, ended.StartedAt is null));
        Assert.Equal(failure.Message, ended.Message);
        Assert.NotNull(ended.FinishedAt);
    }

    [LiveFact]
    public async Task What_is_gone_may_be_stopped_and_removed_again()
    {
        RealContainerd containerd = await fixture.GetAsync();
        LivePod pod = await LivePod.RunAsync(containerd, "twice");
        string id = await pod.StartAsync(LivePod.Shell("main", "sleep 1000"));
        await containerd.Runtime.RemoveContainerAsync(id, CancellationToken.None);
        await pod.DisposeAsync();

        await containerd.Runtime.StopContainerAsync(id, TimeSpan.Zero, CancellationToken.None);
        await containerd.Runtime.RemoveContainerAsync(id, CancellationToken.None);
        await pod.DisposeAsync();

        Assert.Null(await pod.SandboxAsync());
        Assert.Null(await pod.FindAsync(id));
    }

    [LiveFact]
    public async Task A_command_runs_to_its_end_and_no_longer_than_it_may()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "exec-sync");
        string id = await pod.StartAsync(LivePod.Shell("main", "sleep 1000"));

        ExecSyncResult failed = await containerd.Runtime.ExecSyncAsync(
            id, ["sh", "-c", "echo out; echo err >&2; exit 4"], TimeSpan.FromSeconds(30), CancellationToken.None);
        var late = await Assert.ThrowsAsync<CriException>(() =>
            containerd.Runtime.ExecSyncAsync(id, ["sleep", "1000"], TimeSpan.FromSeconds(1), CancellationToken.None));
        var absent = await Assert.ThrowsAsync<CriException>(() =>
            containerd.Runtime.ExecSyncAsync("nobody", ["true"], TimeSpan.FromSeconds(1), CancellationToken.None));

        Assert.Equal(new ExecSyncResult(4, "out\nerr\n"), failed);
        Assert.Equal("command sleep 1000 timed out after 1s", late.Message);
        Assert.Equal(StatusCode.NotFound, absent.Code);
        Assert.StartsWith("rpc error: code = NotFound desc = ", absent.Message);
    }

    [LiveFact]
    public async Task Whoever_listens_hears_of_a_container_that_was_killed()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "killed");
        string id = await pod.StartAsync(LivePod.Shell("main", "kill -STOP $$; sleep 1000"));
        var told = new System.Collections.Concurrent.ConcurrentQueue<ContainerEvent>();
        using IDisposable subscription = containerd.Runtime.SubscribeContainerEvents(told.Enqueue);
        string other = await pod.StartAsync(LivePod.Shell("other", "sleep 1000"));
        await UntilAsync(() => told.Contains(new ContainerEvent(pod.Config.Uid, other)), "the start is told");
        await UntilAsync(() => told.Contains(new ContainerEvent(pod.Config.Uid, id)), "what there was is told");
        told.Clear();

        await containerd.Runtime.ExecSyncAsync(other, ["true"], TimeSpan.FromSeconds(30), CancellationToken.None);
        await containerd.Runtime.StopContainerAsync(other, TimeSpan.Zero, CancellationToken.None);
        await UntilAsync(() => told.Contains(new ContainerEvent(pod.Config.Uid, other)), "the end is told");

        Assert.DoesNotContain(told, change => change.ContainerId == id);
    }

    [LiveFact]
    public async Task A_containerd_that_was_killed_finds_its_containers_again_and_they_have_not_noticed()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "survivor");
        string id = await pod.StartAsync(LivePod.Shell("main", "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done"));
        RuntimeContainer before = await pod.UntilAsync(id, container => container.State == RuntimeContainerState.Running);
        var told = new System.Collections.Concurrent.ConcurrentQueue<ContainerEvent>();
        using IDisposable subscription = containerd.Runtime.SubscribeContainerEvents(told.Enqueue);

        await containerd.KillAsync();
        RuntimeStatus away = await containerd.Runtime.StatusAsync(CancellationToken.None);
        var refused = await Assert.ThrowsAsync<CriException>(() => containerd.Runtime.ListContainersAsync(null, CancellationToken.None));
        await containerd.RunAsync();
        RuntimeContainer after = (await pod.FindAsync(id))!;
        int lines = (await pod.LogAsync(id)).Split('\n').Length;
        await UntilAsync(() => pod.LogAsync(id).GetAwaiter().GetResult().Split('\n').Length > lines + 3, "it goes on to write");

        Assert.Equal((false, false), (away.IsRuntimeReady, away.IsNetworkReady));
        Assert.Equal(StatusCode.Unavailable, refused.Code);
        Assert.Equal(before, after);
        Assert.Equal("still here\n", await pod.ExecAsync(id, "echo", "still here"));
        await containerd.Runtime.StopContainerAsync(id, TimeSpan.Zero, CancellationToken.None);
        await UntilAsync(() => told.Contains(new ContainerEvent(pod.Config.Uid, id)), "events come again");
    }

    [LiveFact]
    public async Task Usage_is_told_of_what_runs()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "usage");
        string id = await pod.StartAsync(LivePod.Shell("busy", "while true; do :; done"));

        ContainerUsage? usage = null;
        await UntilAsync(
            () =>
            {
                usage = containerd.Runtime.ListContainerStatsAsync(CancellationToken.None).GetAwaiter().GetResult()
                    .FirstOrDefault(usage => usage.ContainerId == id);
                return usage is { CpuNanoSeconds: > 0, CpuNanoCores: > 0, MemoryBytes: > 0 };
            },
            "it uses something");

        Assert.Equal(("busy", pod.Config.Uid, "usage", "default"), (usage!.Name, usage.PodUid, usage.PodName, usage.PodNamespace));
    }

    private static async Task UntilAsync(Func<bool> holds, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}");
            await Task.Delay(50);
        }
    }
}
