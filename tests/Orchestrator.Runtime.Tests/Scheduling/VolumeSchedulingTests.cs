using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.Scheduling;
using Orchestrator.Runtime.Tests.Simulation;

namespace Orchestrator.Runtime.Tests.Scheduling;

/// <summary>Pods that wait for volumes: what the scheduler writes, waits for, and says.</summary>
public sealed class VolumeSchedulingTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly VirtualWorld _world = new();
    private readonly FakeApiServer _server;

    public VolumeSchedulingTests()
    {
        // What is written is seen late.
        _server = new FakeApiServer(_world, new Faults { Latency = TimeSpan.FromMilliseconds(100) });
        foreach (string name in (string[])["n1", "n2"])
            _server.Put(SimulatedObjects.Node(name, VirtualWorld.Epoch));
        _server.Put(SimulatedObjects.StorageClass("made", "example.com/x"));
        _server.Put(SimulatedObjects.StorageClass("scarce", StorageNames.NoProvisioner));
        var client = new ApiClient(_server, new ApiClientOptions { Time = _world.Time });
        var runner = new SchedulerRunner(client, new SchedulerOptions
        {
            Informers = new InformerOptions { Jitter = _world.Random.NextDouble }, Jitter = _world.Random.NextDouble,
        });
        _world.Spawn(() => runner.RunAsync(_stop.Token));
        _world.RunUntil(() => runner.IsWorking, Long);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _world.Run(TimeSpan.FromSeconds(1));
        _stop.Dispose();
    }

    [Fact]
    public void A_pod_is_bound_once_its_claim_has_a_volume_on_the_node_that_was_chosen()
    {
        _server.Put(Claim("data", "made"));
        _server.Put(Pod("p", "data"));
        _world.RunUntil(() => ClaimNow("data").Annotations.ContainsKey(StorageNames.SelectedNode), Long);
        _world.Run(TimeSpan.FromMinutes(1));
        string before = NodeOf("p");
        string chosen = ClaimNow("data").Annotations[StorageNames.SelectedNode];

        Bind("data", SimulatedObjects.Volume("v", "made", chosen));
        _world.RunUntil(() => NodeOf("p") == chosen && _server.All<Event>().Count > 0, TimeSpan.FromSeconds(5));

        Assert.Equal("", before);
        Assert.Equal("Scheduled", Assert.Single(_server.All<Event>()).Reason);
    }

    [Fact]
    public void Two_pods_do_not_get_one_volume_and_the_second_is_told_and_gets_the_next()
    {
        _server.Put(Free("v1", "n1"));
        foreach (string name in (string[])["a", "b"])
            _server.Put(Claim(name, "scarce"));
        foreach (string name in (string[])["a", "b"])
            _server.Put(Pod(name, name));
        _world.RunUntil(() => _server.All<Event>().Count == 1 && Owner("v1").Length > 0, Long);
        string first = Owner("v1");
        string second = first == "a" ? "b" : "a";
        int writes = _server.Writes.Count(write => write.Contains("/persistentvolumes/", StringComparison.Ordinal));

        _server.Put(Free("v2", "n2"));
        _world.RunUntil(() => Owner("v2") == second, TimeSpan.FromSeconds(15));

        Assert.Equal(1, writes); // The second did not try.
        Assert.Equal(
            ("FailedScheduling", "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."),
            (_server.All<Event>()[0].Reason, _server.All<Event>()[0].Message));
    }

    [Fact]
    public void Where_no_volume_can_be_made_the_pod_is_scheduled_anew()
    {
        _server.Put(Claim("data", "made"));
        _server.Put(Pod("p", "data"));
        _world.RunUntil(() => ClaimNow("data").Annotations.ContainsKey(StorageNames.SelectedNode), Long);

        var claim = ClaimNow("data");
        claim.Metadata.Annotations!.Remove(StorageNames.SelectedNode);
        _server.Put(claim);
        _world.RunUntil(() => ClaimNow("data").Annotations.ContainsKey(StorageNames.SelectedNode), TimeSpan.FromSeconds(15));

        var told = Assert.Single(_server.All<Event>());
        Assert.Equal(("FailedScheduling", "running PreBind plugin \"VolumeBinding\": binding volumes: provisioning failed for PVC \"data\""), (told.Reason, told.Message));
    }

    [Fact]
    public void Nobody_waits_for_a_volume_for_ever()
    {
        _server.Put(Claim("data", "made"));
        _server.Put(Pod("p", "data"));
        _world.RunUntil(() => ClaimNow("data").Annotations.ContainsKey(StorageNames.SelectedNode), Long);

        _world.Run(TimeSpan.FromMinutes(9));
        int early = _server.All<Event>().Count;
        _world.RunUntil(() => _server.All<Event>().Count > 0, TimeSpan.FromMinutes(2));

        Assert.Equal(0, early);
        Assert.Equal("running PreBind plugin \"VolumeBinding\": binding volumes: timed out waiting for the condition", _server.All<Event>()[0].Message);
    }

    [Fact]
    public void A_pod_that_came_before_its_claim_is_woken_by_it()
    {
        _server.Put(Pod("p", "data"));
        _world.RunUntil(() => _server.All<Event>().Count == 1, Long);
        string? told = _server.All<Event>()[0].Message;

        _server.Put(Claim("data", "made"));
        _world.RunUntil(() => ClaimNow("data").Annotations.ContainsKey(StorageNames.SelectedNode), TimeSpan.FromSeconds(5));

        Assert.StartsWith("0/2 nodes are available: persistentvolumeclaim \"data\" not found.", told, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_write_gives_the_volume_back()
    {
        int refusals = 0;
        _server.Intercept = request => request.Method == HttpMethod.Put && request.PathAndQuery.Contains("/persistentvolumes/", StringComparison.Ordinal) && refusals++ < 2
            ? new ApiResponse(500, """{"kind":"Status","code":500,"reason":"InternalError"}"""u8.ToArray())
            : null;
        _server.Put(Free("v1", "n1"));
        _server.Put(Claim("a", "scarce"));
        _server.Put(Pod("a", "a"));

        _world.RunUntil(() => Owner("v1") == "a", Long);

        Assert.Equal(3, refusals);
    }

    [Fact]
    public void The_place_of_a_pod_that_is_gone_while_it_waits_is_free()
    {
        _server.Put(Claim("data", "made"));
        _server.Put(Pod("p", "data", cpu: "4"));
        _world.RunUntil(() => ClaimNow("data").Annotations.ContainsKey(StorageNames.SelectedNode), Long);
        string chosen = ClaimNow("data").Annotations[StorageNames.SelectedNode];

        _server.Erase<Pod>("default", "p");
        var next = Pod("next", null, cpu: "4");
        next.Spec.NodeSelector = new() { ["kubernetes.io/hostname"] = chosen };
        _server.Put(next);

        _world.RunUntil(() => NodeOf("next") == chosen, TimeSpan.FromSeconds(15));
        Bind("data", SimulatedObjects.Volume("v", "made", chosen)); // Nobody minds.
        _world.Run(TimeSpan.FromMinutes(1));
    }

    private string NodeOf(string name) => _server.Find<Pod>("default", name)!.Spec.NodeName ?? "";

    private PersistentVolumeClaim ClaimNow(string name) => _server.Find<PersistentVolumeClaim>("default", name)!;

    private string Owner(string volume) => _server.Find<PersistentVolume>("", volume)!.Spec.ClaimRef?.Name ?? "";

    /// <summary>As the controllers would.</summary>
    private void Bind(string name, PersistentVolume volume)
    {
        var claim = ClaimNow(name);
        volume.Spec.ClaimRef = new ObjectReference { Namespace = "default", Name = name, Uid = claim.Uid };
        _server.Put(volume);
        claim.Spec.VolumeName = volume.Name;
        claim.Metadata.Annotations![StorageNames.BindCompleted] = "yes";
        _server.Put(claim);
    }

    private static PersistentVolume Free(string name, string node)
    {
        var volume = SimulatedObjects.Volume(name, "scarce", node);
        volume.Status.Phase = "Available";
        return volume;
    }

    private static PersistentVolumeClaim Claim(string name, string storageClass) => new()
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = name },
        Spec = new PersistentVolumeClaimSpec
        {
            AccessModes = ["ReadWriteOnce"],
            StorageClassName = storageClass,
            Resources = new VolumeResourceRequirements { Requests = new() { ["storage"] = Quantity.Parse("1Gi") } },
        },
    };

    private static Pod Pod(string name, string? claim, string cpu = "100m")
    {
        var pod = new Pod { Metadata = new ObjectMeta { Namespace = "default", Name = name } };
        pod.Spec.Containers =
        [
            new Container { Name = "c", Image = "i", Resources = new ResourceRequirements { Requests = new() { ["cpu"] = Quantity.Parse(cpu) } } },
        ];
        if (claim is not null)
            pod.Spec.Volumes = [new Volume { Name = "v", PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = claim } }];
        return pod;
    }
}
