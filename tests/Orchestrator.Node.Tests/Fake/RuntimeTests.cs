using System.Collections.Concurrent;
using System.Diagnostics;
using KvStore.Grpc;
using Orchestrator.Cri.V1;
using Orchestrator.Runtime.Kubelet.Cri;
using KubeletCri = Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>What a runtime's answers and refusals become.</summary>
public sealed class RuntimeTests
{
    private const long Second = 1_000_000_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("", true, true)]
    [InlineData("", false, false)]
    [InlineData("gvisor", true, false)] // Not what pods are run by.
    public async Task Whether_mounts_can_be_read_only_to_their_depths_is_the_default_handlers_word(string handler, bool isAble, bool told)
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.On<StatusRequest>(_ => new StatusResponse
        {
            Status = new Orchestrator.Cri.V1.RuntimeStatus(),
            RuntimeHandlers = { new RuntimeHandler { Name = handler, Features = new RuntimeHandlerFeatures { RecursiveReadOnlyMounts = isAble } } },
        });

        Assert.Equal(told, (await fake.Runtime.StatusAsync(CancellationToken.None)).CanMountRecursivelyReadOnly);
    }

    [Fact]
    public async Task What_a_runtime_lacks_is_told_in_the_nodes_words()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.On<StatusRequest>(_ => new StatusResponse
        {
            Status = new Orchestrator.Cri.V1.RuntimeStatus
            {
                Conditions =
                {
                    new RuntimeCondition { Type = "RuntimeReady", Status = true },
                    new RuntimeCondition { Type = "NetworkReady", Reason = "NetworkPluginNotReady", Message = "cni plugin not initialized" },
                },
            },
        });

        KubeletCri.RuntimeStatus status = await fake.Runtime.StatusAsync(CancellationToken.None);

        Assert.Equal(
            new KubeletCri.RuntimeStatus(
                true, false, "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized"),
            status);
    }

    [Fact]
    public async Task A_runtime_that_is_not_there_is_not_ready_and_calls_say_so()
    {
        FakeCri fake = await FakeCri.StartAsync();
        using var connection = new KubeletCri.Grpc.CriConnection(fake.Options with { Socket = "/nowhere/cri.sock" });
        var runtime = new KubeletCri.Grpc.CriContainerRuntime(connection);

        KubeletCri.RuntimeStatus status = await runtime.StatusAsync(CancellationToken.None);
        var failure = await Assert.ThrowsAsync<CriException>(() => runtime.VersionAsync(CancellationToken.None));

        Assert.False(status.IsRuntimeReady);
        Assert.StartsWith("container runtime is down: rpc error: code = Unavailable desc = ", status.Message);
        Assert.Equal(StatusCode.Unavailable, failure.Code);
        await fake.DisposeAsync();
    }

    [Fact]
    public async Task A_refusal_reads_as_on_any_other_node()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.Refuse<RunPodSandboxRequest>(StatusCode.Unknown, "failed to setup network for sandbox");
        fake.Refuse<PullImageRequest>(StatusCode.NotFound, "failed to pull and unpack image \"a\"");
        fake.Refuse<CreateContainerRequest>(StatusCode.Unknown, "failed to reserve container name");
        fake.Refuse<StartContainerRequest>(StatusCode.Unknown, "failed to create containerd task");
        fake.Refuse<ExecSyncRequest>(StatusCode.DeadlineExceeded, "failed to exec in container: timeout 1s exceeded");

        var sandbox = await Assert.ThrowsAsync<CriException>(() => fake.Runtime.RunPodSandboxAsync(MappingTests.Sandbox(), default));
        var pull = await Assert.ThrowsAsync<CriException>(() => fake.Images.PullImageAsync("a", null, MappingTests.Sandbox(), default));
        var create = await Assert.ThrowsAsync<CriException>(() =>
            fake.Runtime.CreateContainerAsync("s", MappingTests.Container(), MappingTests.Sandbox(), default));
        var start = await Assert.ThrowsAsync<CriException>(() => fake.Runtime.StartContainerAsync("c", default));
        var late = await Assert.ThrowsAsync<CriException>(() => fake.Runtime.ExecSyncAsync("c", ["test"], TimeSpan.FromSeconds(1), default));

        Assert.Equal("rpc error: code = Unknown desc = failed to setup network for sandbox", sandbox.Message);
        Assert.Equal("rpc error: code = NotFound desc = failed to pull and unpack image \"a\"", pull.Message);
        Assert.Equal("failed to reserve container name", create.Message);
        Assert.Equal("failed to create containerd task", start.Message);
        Assert.Equal("command test timed out after 1s", late.Message);
    }

    [Fact]
    public async Task What_is_gone_is_stopped_and_removed()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.Refuse<StopContainerRequest>(StatusCode.NotFound, "no such container");
        fake.Refuse<RemoveContainerRequest>(StatusCode.NotFound, "no such container");
        fake.Refuse<StopPodSandboxRequest>(StatusCode.NotFound, "no such sandbox");
        fake.Refuse<RemoveImageRequest>(StatusCode.NotFound, "no such image");

        await fake.Runtime.StopContainerAsync("c", TimeSpan.Zero, default);
        await fake.Runtime.RemoveContainerAsync("c", default);
        await fake.Runtime.StopPodSandboxAsync("s", default);
        await fake.Images.RemoveImageAsync("i", default);
        fake.Refuse<StopContainerRequest>(StatusCode.Internal, "it hangs");

        await Assert.ThrowsAsync<CriException>(() => fake.Runtime.StopContainerAsync("c", TimeSpan.Zero, default));
    }

    [Fact]
    public async Task A_callers_own_end_is_no_failure_of_the_runtime()
    {
        await using FakeCri fake = await FakeCri.StartAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fake.Runtime.VersionAsync(new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task A_containers_status_is_asked_for_once_in_each_of_its_states()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        var container = new Container
        {
            Id = "c1",
            PodSandboxId = "s1",
            Metadata = new ContainerMetadata { Name = "main", Attempt = 1 },
            Labels = { ["io.kubernetes.pod.uid"] = "uid-1" },
            State = ContainerState.ContainerRunning,
        };
        var status = new ContainerStatus
        {
            Id = "c1",
            Metadata = container.Metadata,
            Image = new ImageSpec { Image = "docker.io/library/nginx:1.27" },
            ImageRef = "docker.io/library/nginx@sha256:abc",
            Annotations = { ["io.kubernetes.container.hash"] = "h" },
            CreatedAt = Second,
            StartedAt = 2 * Second,
        };
        fake.On<ListContainersRequest>(_ => new ListContainersResponse { Containers = { container } });
        fake.On<ContainerStatusRequest>(_ =>
        {
            status.State = container.State;
            return new ContainerStatusResponse { Status = status };
        });

        RuntimeContainer running = Assert.Single(await fake.Runtime.ListContainersAsync("uid-1", default));
        await fake.Runtime.ListContainersAsync("uid-1", default);
        int askedWhileRunning = fake.Count<ContainerStatusRequest>();
        container.State = ContainerState.ContainerExited;
        (status.FinishedAt, status.ExitCode) = (3 * Second, 1);
        RuntimeContainer ended = Assert.Single(await fake.Runtime.ListContainersAsync("uid-1", default));
        await fake.Runtime.ListContainersAsync("uid-1", default);

        Assert.Equal("uid-1", fake.Last<ListContainersRequest>().Filter.LabelSelector["io.kubernetes.pod.uid"]);
        Assert.Equal((1, 2), (askedWhileRunning, fake.Count<ContainerStatusRequest>()));
        Assert.Equal(
            new RuntimeContainer(
                "c1", "s1", "uid-1", "main", 1, RuntimeContainerState.Running, "docker.io/library/nginx:1.27", "docker.io/library/nginx@sha256:abc",
                "h", DateTimeOffset.UnixEpoch.AddSeconds(1), DateTimeOffset.UnixEpoch.AddSeconds(2)),
            running);
        Assert.Equal(
            running with { State = RuntimeContainerState.Exited, FinishedAt = DateTimeOffset.UnixEpoch.AddSeconds(3), ExitCode = 1, Reason = "Error" },
            ended);
    }

    [Fact]
    public async Task A_container_that_is_gone_before_it_can_be_asked_for_is_not_listed()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.On<ListContainersRequest>(_ => new ListContainersResponse
        {
            Containers = { new Container { Id = "c1", Metadata = new ContainerMetadata { Name = "main" } } },
        });
        fake.Refuse<ContainerStatusRequest>(StatusCode.NotFound, "gone");

        Assert.Empty(await fake.Runtime.ListContainersAsync(null, default));
    }

    [Fact]
    public async Task A_sandbox_that_is_not_ready_has_no_address_any_more()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.On<ListPodSandboxRequest>(_ => new ListPodSandboxResponse
        {
            Items = { Sandbox("s1", PodSandboxState.SandboxReady), Sandbox("s2", PodSandboxState.SandboxNotready) },
        });
        fake.On<PodSandboxStatusRequest>(_ => new PodSandboxStatusResponse
        {
            Status = new PodSandboxStatus { Network = new PodSandboxNetworkStatus { Ip = "10.0.0.5" } },
        });

        IReadOnlyList<KubeletCri.PodSandbox> sandboxes = await fake.Runtime.ListPodSandboxAsync(null, default);

        Assert.Equal([("s1", true, "10.0.0.5"), ("s2", false, "")], sandboxes.Select(sandbox => (sandbox.Id, sandbox.IsReady, sandbox.Ip)));
    }

    [Fact]
    public async Task A_runtime_that_only_counts_processor_time_still_has_a_rate()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        ulong total = 5 * (ulong)Second;
        long time = 100 * Second;
        fake.On<ListContainersRequest>(_ => new ListContainersResponse
        {
            Containers = { new Container { Id = "c1", Metadata = new ContainerMetadata { Name = "main" }, State = ContainerState.ContainerRunning } },
        });
        fake.On<ContainerStatusRequest>(_ => new ContainerStatusResponse { Status = new ContainerStatus { State = ContainerState.ContainerRunning } });
        fake.On<ListContainerStatsRequest>(_ => new ListContainerStatsResponse
        {
            Stats =
            {
                new ContainerStats
                {
                    Attributes = new ContainerAttributes { Id = "c1" },
                    Cpu = new CpuUsage { Timestamp = time, UsageCoreNanoSeconds = new UInt64Value { Value = total } },
                    Memory = new MemoryUsage { WorkingSetBytes = new UInt64Value { Value = 4096 } },
                },
            },
        });

        ContainerUsage first = Assert.Single(await fake.Runtime.ListContainerStatsAsync(default));
        (total, time) = (total + (ulong)Second, time + 4 * Second);
        ContainerUsage second = Assert.Single(await fake.Runtime.ListContainerStatsAsync(default));

        Assert.Equal((0L, 5 * Second, 4096L), (first.CpuNanoCores, first.CpuNanoSeconds, first.MemoryBytes));
        Assert.Equal(Second / 4, second.CpuNanoCores);
    }

    [Fact]
    public async Task Without_events_changes_are_found_by_looking()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        var containers = new ConcurrentDictionary<string, ContainerState> { ["c1"] = ContainerState.ContainerRunning };
        fake.On<ListContainersRequest>(_ => List(containers));
        var told = new ConcurrentQueue<ContainerEvent>();
        using IDisposable subscription = fake.Runtime.SubscribeContainerEvents(told.Enqueue);
        await UntilAsync(() => fake.Count<ListContainersRequest>() > 3, "it looks");
        int toldAtFirst = told.Count;

        containers["c1"] = ContainerState.ContainerExited;
        await UntilAsync(() => told.Contains(new ContainerEvent("uid-c1", "c1")), "the end is seen");
        containers["c2"] = ContainerState.ContainerCreated;
        await UntilAsync(() => told.Contains(new ContainerEvent("uid-c2", "c2")), "the new one is seen");
        told.Clear();
        containers.TryRemove("c1", out _);
        await UntilAsync(() => told.Contains(new ContainerEvent("uid-c1", "c1")), "the removal is seen");

        Assert.Equal(1, toldAtFirst);
        Assert.Single(told);
    }

    [Fact]
    public async Task What_changes_while_the_runtime_cannot_be_asked_yet_is_told_by_the_first_look()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.Refuse<ListContainersRequest>(StatusCode.Unavailable, "starting");
        var told = new ConcurrentQueue<ContainerEvent>();
        using IDisposable subscription = fake.Runtime.SubscribeContainerEvents(told.Enqueue);
        await UntilAsync(() => fake.Count<ListContainersRequest>() > 1, "it looks");

        fake.On<ListContainersRequest>(
            _ => List(new ConcurrentDictionary<string, ContainerState> { ["c1"] = ContainerState.ContainerExited }));

        await UntilAsync(() => told.Contains(new ContainerEvent("uid-c1", "c1")), "the end is told");
    }

    [Fact]
    public async Task Events_are_passed_on_as_they_come()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.Events = System.Threading.Channels.Channel.CreateUnbounded<ContainerEventResponse>();
        var told = new ConcurrentQueue<ContainerEvent>();
        using IDisposable subscription = fake.Runtime.SubscribeContainerEvents(told.Enqueue);

        fake.Events.Writer.TryWrite(new ContainerEventResponse
        {
            ContainerId = "c1",
            ContainerEventType = ContainerEventType.ContainerStoppedEvent,
            PodSandboxStatus = new PodSandboxStatus { Metadata = new PodSandboxMetadata { Uid = "uid-1" } },
        });
        await UntilAsync(() => !told.IsEmpty, "it is told");

        Assert.Equal(new ContainerEvent("uid-1", "c1"), Assert.Single(told));
    }

    private static ListContainersResponse List(ConcurrentDictionary<string, ContainerState> containers) => new()
    {
        Containers =
        {
            containers.Select(one => new Container
            {
                Id = one.Key,
                Metadata = new ContainerMetadata { Name = "main" },
                Labels = { ["io.kubernetes.pod.uid"] = "uid-" + one.Key },
                State = one.Value,
            }),
        },
    };

    private static Orchestrator.Cri.V1.PodSandbox Sandbox(string id, PodSandboxState state) =>
        new() { Id = id, State = state, Metadata = new PodSandboxMetadata { Name = "web", Namespace = "shop", Uid = "uid-1" } };

    private static async Task UntilAsync(Func<bool> holds, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}");
            await Task.Delay(20);
        }
    }
}
