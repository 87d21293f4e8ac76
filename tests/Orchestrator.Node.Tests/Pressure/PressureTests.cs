using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pressure;
using static Orchestrator.Node.Tests.Pressure.Given;

namespace Orchestrator.Node.Tests.Pressure;

/// <summary>When a node is under pressure, whom it lets in then, and who has to go.</summary>
public sealed class PressureTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_condition_stays_for_the_transition_period_after_it_was_last_seen()
    {
        var pressure = new NodePressure(EvictionThresholds.Parse("memory.available<100Mi,nodefs.available<10%"), TimeSpan.FromMinutes(5));
        NodeSignals enough = Signals((EvictionSignal.MemoryAvailable, 100 << 20, 1 << 30), (EvictionSignal.NodeDiskAvailable, 10, 100));
        NodeSignals little = Signals((EvictionSignal.MemoryAvailable, (100 << 20) - 1, 1 << 30), (EvictionSignal.NodeDiskAvailable, 9, 100));

        Assert.Empty(pressure.Observe(enough, Start));
        Assert.Empty(pressure.Conditions);

        // Memory first.
        Assert.Equal(["memory.available<100Mi", "nodefs.available<10%"], pressure.Observe(little, Start.AddSeconds(10)).Select(met => met.ToString()));
        Assert.Equal(["MemoryPressure", "DiskPressure"], pressure.Conditions);

        Assert.Empty(pressure.Observe(enough, Start.AddSeconds(309)));
        Assert.Equal(["MemoryPressure", "DiskPressure"], pressure.Conditions);
        Assert.Empty(pressure.Observe(enough, Start.AddSeconds(310)));
        Assert.Empty(pressure.Conditions);
    }

    [Fact]
    public void What_nobody_could_measure_is_not_short()
    {
        var pressure = new NodePressure(EvictionThresholds.Default, TimeSpan.FromMinutes(5));

        Assert.Empty(pressure.Observe(Signals((EvictionSignal.PidAvailable, 0, 100)), Start));
    }

    [Theory]
    [InlineData("", "best-effort", null)]
    [InlineData("MemoryPressure", "best-effort", "The node had condition: [MemoryPressure]. ")]
    [InlineData("MemoryPressure", "burstable", null)]
    [InlineData("MemoryPressure", "tolerant", null)]
    [InlineData("DiskPressure", "burstable", "The node had condition: [DiskPressure]. ")]
    [InlineData("DiskPressure", "tolerant", "The node had condition: [DiskPressure]. ")]
    [InlineData("PIDPressure", "burstable", "The node had condition: [PIDPressure]. ")]
    [InlineData("MemoryPressure DiskPressure", "burstable", "The node had condition: [MemoryPressure DiskPressure]. ")]
    [InlineData("MemoryPressure DiskPressure", "critical", null)]
    [InlineData("DiskPressure", "static", null)]
    public void A_node_under_pressure_refuses_those_that_would_add_to_it(string conditions, string kind, string? refusal)
    {
        Pod pod = Pod("new", pod =>
        {
            if (kind == "burstable")
                pod.Spec.Containers![0].Resources = new ResourceRequirements { Requests = new() { ["memory"] = Quantity.Parse("1Mi") } };
            if (kind == "tolerant")
                pod.Spec.Tolerations = [new Toleration { Key = "node.kubernetes.io/memory-pressure", Operator = "Exists", Effect = "NoSchedule" }];
            if (kind == "critical")
                pod.Spec.Priority = 2_000_000_000;
            if (kind == "static")
                pod.Metadata.Annotations = new() { ["kubernetes.io/config.source"] = "file" };
        });

        Assert.Equal(refusal, PressureAdmission.Refusal(pod, conditions.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public void Memory_is_taken_from_those_above_their_request_by_priority_and_by_how_much()
    {
        Pod[] pods =
        [
            Pod("within", Asks("memory", "100Mi")), Pod("above", Asks("memory", "10Mi")), Pod("far-above", Asks("memory", "5Mi")),
            Pod("important", pod => pod.Spec.Priority = 100), Pod("unknown"),
        ];
        var uses = new Dictionary<string, PodUse>
        {
            ["within"] = Memory(99 << 20), ["above"] = Memory(20 << 20), ["far-above"] = Memory(20 << 20), ["important"] = Memory(900 << 20),
        };

        Assert.Equal(["unknown", "far-above", "above", "important", "within"], Order(pods, EvictionSignal.MemoryAvailable, uses));
    }

    [Fact]
    public void Processes_are_taken_by_priority_first()
    {
        Pod[] pods = [Pod("few"), Pod("many"), Pod("important", pod => pod.Spec.Priority = 1)];
        var uses = new Dictionary<string, PodUse>
        {
            ["few"] = new([], 3, default), ["many"] = new([], 30, default), ["important"] = new([], 300, default),
        };

        Assert.Equal(["many", "few", "important"], Order(pods, EvictionSignal.PidAvailable, uses));
    }

    [Theory]
    [InlineData(EvictionSignal.NodeDiskAvailable, false, "layered voluminous asking")]
    [InlineData(EvictionSignal.ImageDiskAvailable, false, "layered voluminous asking")]
    [InlineData(EvictionSignal.NodeDiskAvailable, true, "voluminous layered asking")]
    [InlineData(EvictionSignal.ImageDiskAvailable, true, "layered voluminous asking")]
    [InlineData(EvictionSignal.NodeInodesFree, false, "asking voluminous layered")]
    public void Of_a_disk_what_counts_is_what_lies_on_it(EvictionSignal signal, bool hasImageDisk, string order)
    {
        Pod[] pods = [Pod("layered"), Pod("voluminous"), Pod("asking", Asks("ephemeral-storage", "1Gi"))];
        var uses = new Dictionary<string, PodUse>
        {
            ["layered"] = new([new ContainerUse("main", 0, new DiskUse(3000, 1), new DiskUse(10, 1))], 1, default),
            ["voluminous"] = new([new ContainerUse("main", 0, new DiskUse(10, 1), default)], 1, new DiskUse(2000, 5)),
            ["asking"] = new([], 1, new DiskUse(5000, 50)),
        };

        Assert.Equal(order.Split(' '), Order(pods, signal, uses, hasImageDisk));
    }

    [Fact]
    public void A_message_says_what_was_short_and_whose_use_was_beyond_its_request()
    {
        NodeSignals signals = Signals((EvictionSignal.MemoryAvailable, 50 << 20, 1L << 30));
        Pod pod = Pod("web", pod => pod.Spec.Containers =
        [
            new Container { Name = "big", Resources = new ResourceRequirements { Requests = new() { ["memory"] = Quantity.Parse("10Mi") } } },
            new Container { Name = "modest", Resources = new ResourceRequirements { Requests = new() { ["memory"] = Quantity.Parse("64Mi") } } },
            new Container { Name = "asks-nothing" },
        ]);
        var use = new PodUse([Of("big", 20 << 20), Of("modest", 30 << 20), Of("asks-nothing", 1 << 20)], 3, default);

        string message = EvictionMessage.OfPressure(EvictionThresholds.Parse("memory.available<100Mi")[0], signals, pod, use);

        Assert.Equal(
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
            + "Container big was using 20Mi, request is 10Mi, has larger consumption of memory. "
            + "Container asks-nothing was using 1Mi, request is 0, has larger consumption of memory. ",
            message);

        static ContainerUse Of(string name, long bytes) => new(name, bytes, default, default);
    }

    [Theory]
    [InlineData(EvictionSignal.NodeDiskAvailable, "nodefs.available<50%", "The node was low on resource: ephemeral-storage. Threshold quantity: 1Ki, available: 1k. Container main was using 30, request is 0, has larger consumption of ephemeral-storage. ")]
    [InlineData(EvictionSignal.NodeInodesFree, "nodefs.inodesFree<50%", "The node was low on resource: inodes. Threshold quantity: 1Ki, available: 1k. ")]
    [InlineData(EvictionSignal.PidAvailable, "pid.available<2k", "The node was low on resource: pids. Threshold quantity: 2k, available: 1k. ")]
    public void Each_signal_has_its_resource(EvictionSignal signal, string threshold, string message)
    {
        var use = new PodUse([new ContainerUse("main", 5, new DiskUse(10, 1), new DiskUse(20, 1))], 3, default);

        Assert.Equal(message, EvictionMessage.OfPressure(EvictionThresholds.Parse(threshold)[0], Signals((signal, 1000, 2048)), Pod("web"), use));
    }

    [Theory]
    [InlineData(600, 300, 124, false, null)]
    [InlineData(600, 300, 125, false, "Pod ephemeral local storage usage exceeds the total limit of containers 1Ki. ")]
    [InlineData(0, 1025, 0, true, "Pod ephemeral local storage usage exceeds the total limit of containers 1Ki. ")]
    public void A_pods_limit_is_for_layers_logs_and_volumes_together(long volumes, long layer, long logs, bool hasImageDisk, string? message)
    {
        Pod pod = Pod("web", pod => pod.Spec.Containers![0].Resources = new ResourceRequirements { Limits = new() { ["ephemeral-storage"] = Quantity.Parse("1Ki") } });
        var use = new PodUse([new ContainerUse("main", 0, new DiskUse(layer, 1), new DiskUse(logs, 1))], 1, new DiskUse(volumes, 1));

        Assert.True(EvictionMessage.HasLimits(pod));
        Assert.Equal(message, EvictionMessage.OfLimits(pod, use, hasImageDisk));
    }

    [Theory]
    [InlineData(false, "Container small exceeded its local ephemeral storage limit \"1Ki\". ")]
    [InlineData(true, null)] // Its layer lies elsewhere.
    public void A_container_has_a_limit_of_its_own(bool hasImageDisk, string? message)
    {
        Pod pod = Pod("web", pod => pod.Spec.Containers =
        [
            new Container { Name = "small", Resources = new ResourceRequirements { Limits = new() { ["ephemeral-storage"] = Quantity.Parse("1Ki") } } },
            new Container { Name = "large", Resources = new ResourceRequirements { Limits = new() { ["ephemeral-storage"] = Quantity.Parse("1Mi") } } },
        ]);
        var use = new PodUse([new ContainerUse("small", 0, new DiskUse(2000, 1), default), new ContainerUse("large", 0, new DiskUse(2000, 1), default)], 1, default);

        Assert.Equal(message, EvictionMessage.OfLimits(pod, use, hasImageDisk));
    }

    [Fact]
    public void Dead_containers_go_but_for_the_last_life_of_those_whose_pods_live()
    {
        RuntimeContainer[] containers =
        [
            Dead("living", "main", 0), Dead("living", "main", 1), Dead("living", "init", 0), Dead("ended", "main", 0), Dead("ended", "main", 1),
            Dead("living", "other", 3) with { State = RuntimeContainerState.Running }, Dead("living", "other", 2), Dead("living", "other", 1),
        ];

        Assert.Equal(
            ["living/main/0", "ended/main/1", "ended/main/0", "living/other/1"],
            DeadContainers.Needless(containers, uid => uid == "ended").Select(container => container.Id));

        static RuntimeContainer Dead(string pod, string name, int attempt) =>
            new($"{pod}/{name}/{attempt}", "sandbox", pod, name, attempt, RuntimeContainerState.Exited, "image", "ref", "hash", Start);
    }

    private static IEnumerable<string> Order(
        IEnumerable<Pod> pods, EvictionSignal signal, IReadOnlyDictionary<string, PodUse> uses, bool hasImageDisk = false) =>
        EvictionRank.Order(pods.Select(pod => new Evictable(pod)), signal, uses, hasImageDisk).Select(pod => pod.Pod.Name);

    private static PodUse Memory(long bytes) => new([new ContainerUse("main", bytes, default, default)], 1, default);

    private static Action<Pod> Asks(string resource, string amount) => pod =>
        pod.Spec.Containers![0].Resources = new ResourceRequirements { Requests = new() { [resource] = Quantity.Parse(amount) } };
}
