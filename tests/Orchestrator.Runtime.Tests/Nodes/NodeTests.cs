using Orchestrator.Api;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Hollow;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>What kubelets tell of their nodes.</summary>
public sealed class NodeTests
{
    [Fact]
    public async Task A_node_registers_with_its_labels_capacity_conditions_and_address()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();

        Node node = cluster.Api.Get<Node>("hollow")!;

        Assert.Equal("hollow", node.Labels["kubernetes.io/hostname"]);
        Assert.Equal("linux", node.Labels["kubernetes.io/os"]);
        Assert.Equal(Quantity.Parse("8"), node.Status.Capacity!["cpu"]);
        Assert.Equal(Quantity.Parse("110"), node.Status.Allocatable!["pods"]);
        Assert.Equal("127.0.0.1", node.Status.Addresses!.Find(address => address.Type == "InternalIP")!.Address);
        Assert.Equal("hollow://1.0.0", node.Status.NodeInfo!.ContainerRuntimeVersion);
        Assert.Equal("v1.33.1", node.Status.NodeInfo.KubeletVersion);
        PodConditions(node, ("MemoryPressure", "False"), ("DiskPressure", "False"), ("PIDPressure", "False"), ("Ready", "True"));
        await HollowCluster.UntilAsync(() => cluster.Reasons("hollow").Contains("NodeReady"), "the event");
    }

    [Fact]
    public async Task A_machine_that_was_booted_anew_says_so()
    {
        var api = new FakeKubeletApi();
        var before = new Node { Metadata = new ObjectMeta { Name = "hollow" } };
        before.Status.NodeInfo = new NodeSystemInfo { BootID = "another boot" };
        api.Write(before);

        await using HollowCluster cluster = await HollowCluster.StartAsync(api: api);

        await HollowCluster.UntilAsync(() => cluster.Reasons("hollow").Contains("Rebooted"), "the event");
        string boot = api.Get<Node>("hollow")!.Status.NodeInfo!.BootID!;
        Assert.Equal($"Node hollow has been rebooted, boot id: {boot}", api.Events.Single(told => told.Reason == "Rebooted").Message);
    }

    [Fact]
    public async Task A_lease_is_renewed_every_ten_seconds_and_the_status_every_five_minutes()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        int reports = cluster.Api.Counts["patch Node"];
        DateTimeOffset begin = cluster.Now;
        var renewals = new SortedSet<DateTimeOffset>();

        await cluster.AdvanceUntilAsync(
            () =>
            {
                renewals.Add(cluster.Api.Get<Lease>("hollow", "kube-node-lease")!.Spec.RenewTime!.Value);
                return cluster.Api.Counts["patch Node"] > reports;
            },
            "the report", TimeSpan.FromSeconds(2));

        // Whoever is late by the test's clock is late for good: that none is early, and that they go on, is what can be said.
        Assert.All(renewals.Zip(renewals.Skip(1)), pair => Assert.True(pair.Second - pair.First >= TimeSpan.FromSeconds(10)));
        Assert.InRange(renewals.Count, 15, 31);
        Assert.True(cluster.Now - begin >= TimeSpan.FromMinutes(5) - TimeSpan.FromSeconds(10));
        Lease lease = cluster.Api.Get<Lease>("hollow", "kube-node-lease")!;
        Assert.Equal("hollow", lease.Spec.HolderIdentity);
        Assert.Equal(40, lease.Spec.LeaseDurationSeconds);
        Assert.Equal("Node", lease.Metadata.OwnerReferences!.Single().Kind);
        Assert.Equal(1, cluster.Api.Counts["create Lease"]);
        Assert.Equal(reports + 1, cluster.Api.Counts["patch Node"]);
        Assert.True(cluster.Now - cluster.Api.Get<Node>("hollow")!.Status.Conditions![0].LastHeartbeatTime < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_resource_that_others_say_the_node_has_is_for_pods_until_they_take_it_back()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        await cluster.AdvanceUntilAsync(() => Allocatable().ContainsKey("cpu"), "the first report");

        WriteCapacity(capacity => capacity["example.com/gpu"] = Quantity.Parse("2"));
        await cluster.AdvanceUntilAsync(() => Allocatable().ContainsKey("example.com/gpu"), "it is allocatable");
        string given = Allocatable()["example.com/gpu"].ToString();
        WriteCapacity(capacity => capacity.Remove("example.com/gpu"));
        await cluster.AdvanceUntilAsync(() => !Allocatable().ContainsKey("example.com/gpu"), "it is no longer");

        Assert.Equal("2", given);
        Assert.Equal(["cpu", "ephemeral-storage", "memory", "pods"], cluster.Api.Get<Node>("hollow")!.Status.Capacity!.Keys.Order());

        Dictionary<string, Quantity> Allocatable() => cluster.Api.Get<Node>("hollow")!.Status.Allocatable ?? [];

        void WriteCapacity(Action<Dictionary<string, Quantity>> change)
        {
            Node node = cluster.Api.Get<Node>("hollow")!.DeepClone();
            change(node.Status.Capacity!);
            cluster.Api.Write(node);
        }
    }

    [Fact]
    public async Task A_lease_that_another_has_written_is_read_anew()
    {
        await using HollowCluster cluster = await HollowCluster.StartAsync();
        Lease other = cluster.Api.Get<Lease>("hollow", "kube-node-lease")!.DeepClone();
        await cluster.Api.UpdateAsync(other, CancellationToken.None);

        await cluster.AdvanceUntilAsync(
            () => cluster.Api.Get<Lease>("hollow", "kube-node-lease")!.Spec.RenewTime > DateTimeOffset.UnixEpoch.AddYears(60).AddSeconds(15), "a renewal", TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Pods_get_addresses_of_the_range_that_the_control_plane_gave_the_node()
    {
        var api = new FakeKubeletApi();
        await api.CreateAsync(new Node { Metadata = new() { Name = "hollow" }, Spec = new() { PodCIDR = "10.9.8.0/28" } }, CancellationToken.None);
        await using HollowCluster cluster = await HollowCluster.StartAsync(api: api);

        for (int i = 0; i < 13; i++)
            cluster.Bind($"web-{i}");
        for (int i = 0; i < 13; i++)
            await cluster.UntilReadyAsync($"web-{i}");
        cluster.Bind("one-too-many");
        await HollowCluster.UntilAsync(() => cluster.Reasons("one-too-many").Contains("FailedCreatePodSandBox"), "there is no address left");
        string freed = cluster.Api.Pod("web-3").Status.PodIP!;
        cluster.Api.Delete("web-3", 30, cluster.Now);
        await cluster.UntilReadyAsync("one-too-many");

        Assert.Equal(freed, cluster.Api.Pod("one-too-many").Status.PodIP);
        string[] addresses = [.. cluster.Api.All<Pod>().Select(pod => pod.Status.PodIP!)];
        Assert.Equal(13, addresses.Distinct().Count());
        Assert.All(addresses, address => Assert.StartsWith("10.9.8.", address));
        Assert.Equal("linux", cluster.Api.Get<Node>("hollow")!.Labels["kubernetes.io/os"]);
    }

    [Fact]
    public async Task Many_nodes_run_their_pods_side_by_side()
    {
        int nodeCount = KvStore.Testing.Lanes.Pick(fast: 20, readme: 100, @long: 1000);
        int podCount = nodeCount * 10;
        await using HollowCluster cluster = await HollowCluster.StartAsync(new HollowOptions { NodeCount = nodeCount, StartDelay = TimeSpan.Zero });
        long began = System.Diagnostics.Stopwatch.GetTimestamp();

        for (int i = 0; i < podCount; i++)
        {
            string node = $"hollow-{i % nodeCount + 1}";
            cluster.Bind($"web-{i}", pod => pod.Spec.NodeName = node);
        }
        await HollowCluster.UntilAsync(() => cluster.Api.All<Pod>().All(pod => pod.Status.Phase == "Running"), "all run");
        double seconds = System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds;
        KvStore.Testing.Figures.Report($"hollow nodes: {podCount} pods on {nodeCount} nodes in {seconds:0.00} s ({podCount / seconds:0} a second) before a fake API");

        Assert.Equal(podCount, cluster.Api.All<Pod>().Select(pod => pod.Status.PodIP).Distinct().Count());
    }

    private static void PodConditions(Node node, params (string Type, string Status)[] expected) =>
        Assert.Equal(expected, node.Status.Conditions!.Select(condition => (condition.Type!, condition.Status!)));
}
