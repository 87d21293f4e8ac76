using System.Text;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Defaulting;
using Orchestrator.Control.Reconciling;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Controllers;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.LeaderElection;
using Orchestrator.Runtime.Scheduling;

namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>The whole cluster on one thread under virtual time: the production controllers, scheduler, informers and leader
/// election, on a pretended API server and pretended kubelets. Processes that die are started anew, as by an init system.</summary>
internal sealed class SimulatedCluster : IDisposable
{
    public const int NodeCount = 3;

    private const string ManagerName = "kube-controller-manager", SchedulerName = "kube-scheduler";

    private static readonly TimeSpan Long = TimeSpan.FromMinutes(30);

    private readonly List<SimulatedProcess> _processes = [];
    private readonly HashSet<string> _downNodes = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly FakeKubelets _kubelets;
    private int _starts;

    public SimulatedCluster(int seed, Faults faults, int managerCount = 1, int schedulerCount = 1, bool isShuffled = false,
        bool isCalm = false)
    {
        World = new VirtualWorld(seed, isShuffled);
        Server = new FakeApiServer(World, faults) { Prepare = SetDefaults, ChecksNamespaces = true };
        Rules = new HistoryRules(Server) { IsCalm = isCalm };
        foreach (string name in (string[])["default", "kube-system", "kube-node-lease"])
            Server.Put(SimulatedObjects.Namespace(name));
        for (int i = 0; i < NodeCount; i++)
            Server.Put(SimulatedObjects.Node($"n{i}", VirtualWorld.Epoch));
        for (int i = 0; i < managerCount; i++)
            StartManager();
        for (int i = 0; i < schedulerCount; i++)
            StartScheduler();
        _kubelets = new FakeKubelets(World, Server) { IsDown = _downNodes.Contains };
        World.Spawn(() => _kubelets.RunAsync(_stop.Token));
        World.Spawn(HeartbeatsAsync);
    }

    public VirtualWorld World { get; }

    public FakeApiServer Server { get; }

    /// <summary>What is to be true of every change, looked at as it is made.</summary>
    public HistoryRules Rules { get; }

    /// <summary>How often a pod that is not to run for ever fails.</summary>
    public double FailureChance { set => _kubelets.FailureChance = value; }

    public IReadOnlyList<SimulatedProcess> Processes => _processes;

    public T? Find<T>(string name)
        where T : class, IKubernetesObject<T> =>
        Server.Find<T>("default", name);

    public void RunUntil(Func<bool> condition, string what)
    {
        try
        {
            World.RunUntil(condition, Long, what);
        }
        catch (Exception fault)
        {
            var last = Server.Requests.TakeLast(12).Select(request => $"{request.Method} {request.PathAndQuery} "
                + (request.Body is { } body ? Encoding.UTF8.GetString(body.Span) : ""));
            throw new InvalidOperationException($"{fault.Message}; last requests:\n{string.Join('\n', last)}", fault);
        }
    }

    public void Change<T>(string name, Action<T> change)
        where T : class, IKubernetesObject<T>
    {
        if (Find<T>(name) is not { IsBeingDeleted: false } found)
            return;
        change(found);
        found.Metadata.Generation++;
        Server.Put(found);
    }

    public void SetImage(string name, string image) =>
        Change<Deployment>(name, one => one.Spec.Template.Spec.Containers![0].Image = image);

    public void Delete<T>(string name, string propagation, string ns = "default")
        where T : class, IKubernetesObject<T>
    {
        var faults = Server.Faults;
        Server.Faults = Faults.None;
        Server.Recover();
        try
        {
            World.Await(() => Client(Server).DeleteAsync<T>(ns, name, new Deletion { PropagationPolicy = propagation }));
        }
        catch (ApiException refusal) when (refusal.IsNotFound)
        {
            // Gone already.
        }
        Server.Faults = faults;
    }

    /// <summary>Takes a user's finalizer off.</summary>
    public void LetGo<T>(string name)
        where T : class, IKubernetesObject<T>
    {
        if (Find<T>(name) is not { } found)
            return;
        found.Metadata.Finalizers = null;
        Server.Put(found);
        Server.EndGrace<T>("default", name);
    }

    public void KillLeader()
    {
        if (_processes.Find(one => one.Name == ManagerName && one.IsWorking()) is { } leader)
            Kill(leader, TimeSpan.Zero);
    }

    /// <summary>No farewell: its requests stop where they are. It is started anew after a while.</summary>
    public void Kill(SimulatedProcess process, TimeSpan pause)
    {
        if (!_processes.Remove(process))
            return;
        process.Line.Cut();
        // Not from inside of what it does just now.
        World.Post(_ => process.Stop.Cancel(), null);
        World.Spawn(() => StartLaterAsync(process.Name, pause));
    }

    /// <summary>What it sends is on its way for so long: beyond a lease's duration, another leads when it arrives.</summary>
    public void Freeze(SimulatedProcess process, TimeSpan duration)
    {
        process.Line.Freeze();
        World.Spawn(async () =>
        {
            await Task.Delay(duration, World.Time, _stop.Token);
            process.Line.Thaw();
        });
    }

    public void TakeNodeDown(string name) => _downNodes.Add(name);

    public void BringNodesUp() => _downNodes.Clear();

    /// <summary>From now on nothing fails: processes go on, nodes are back, no death is planned.</summary>
    public void Heal()
    {
        Server.Faults = Faults.None;
        Server.Recover();
        BringNodesUp();
        foreach (var process in _processes)
        {
            process.Line.DieAtWrite(int.MaxValue, afterTheServerActed: false);
            process.Line.Thaw();
        }
    }

    public bool IsRolledOut(string name) => Find<Deployment>(name) is { } found && IsRolledOut(found);

    public bool IsSettled() => Unsettled() is null;

    /// <summary>The first thing that is not as asked for; null when all is.</summary>
    public string? Unsettled()
    {
        if (!_processes.Exists(one => one.Name == ManagerName && one.IsWorking()))
            return "no controllers work";
        return NotYet<Deployment>(one => !one.IsBeingDeleted && IsRolledOut(one))
            ?? NotYet<StatefulSet>(one => (one.Status.ReadyReplicas ?? 0) == one.Spec.Replicas && (one.Status.Replicas ?? 0) == one.Spec.Replicas)
            ?? NotYet<DaemonSet>(one => one.Status.NumberReady == NodeCount && one.Status.DesiredNumberScheduled == NodeCount
                && one.Status.UpdatedNumberScheduled == NodeCount)
            ?? NotYet<Job>(one => !one.IsBeingDeleted && one.Status.Conditions.OrEmpty().Any(condition => condition.Type is "Complete" or "Failed"))
            ?? NotYet<CronJob>(one => one.Status.Active.OrEmpty().Count == 0)
            ?? NotYet<Pod>(one => !one.IsBeingDeleted && one.Status.Phase != "Pending")
            ?? NotYet<ReplicaSet>(one => !one.IsBeingDeleted)
            ?? NotYet<Namespace>(one => !one.IsBeingDeleted)
            ?? NotYet<Node>(one => one.Spec.Taints.OrEmpty().Count == 0)
            ?? NotYet<ConfigMap>(one => !one.IsBeingDeleted);
    }

    /// <summary>As many as asked for and no more; whatever has an owner has one that is there; and nobody writes any more.</summary>
    public void CheckSettled()
    {
        Assert.True(Unsettled() is null, $"it did not stay settled: {Unsettled()}");
        var pods = Server.All<Pod>();
        var sets = Server.All<ReplicaSet>();
        foreach (var deployment in Server.All<Deployment>())
        {
            var own = sets.Where(set => set.ControllerOwner?.Uid == deployment.Metadata.Uid).ToList();
            Assert.Single(own, set => Same(set.Spec.Template.Spec, deployment.Spec.Template.Spec));
            Assert.Equal(deployment.Spec.Replicas, own.Sum(set => set.Spec.Replicas ?? 0));
            Assert.Equal(deployment.Spec.Replicas, pods.Count(pod => own.Any(set => set.Metadata.Uid == pod.ControllerOwner?.Uid)));
        }
        foreach (var set in Server.All<StatefulSet>())
        {
            Assert.Equal(
                Enumerable.Range(0, set.Spec.Replicas ?? 1).Select(i => $"{set.Name}-{i}"), PodsOf(set).Select(pod => pod.Name).Order());
        }
        foreach (var set in Server.All<DaemonSet>())
            Assert.Equal(Enumerable.Range(0, NodeCount).Select(i => $"n{i}"), PodsOf(set).Select(pod => pod.Spec.NodeName).Order());
        foreach (var job in Server.All<Job>())
            CheckJob(job);
        foreach (var service in Server.All<Service>())
            CheckEndpoints(service);
        Assert.All(pods, pod => Assert.NotNull(pod.ControllerOwner));
        Assert.All(sets, set => Assert.NotNull(set.ControllerOwner));
        CheckOwners();
    }

    /// <summary>Once settled, a controller that goes on writing fights another, or itself.</summary>
    public void CheckQuiet(TimeSpan duration)
    {
        int before = Server.Writes.Count;
        World.Run(duration);

        Assert.DoesNotContain(Server.Writes.Skip(before), write => !write.Contains("/leases") && !write.Contains("/events"));
    }

    public void Dispose()
    {
        _stop.Cancel();
        foreach (var process in _processes)
        {
            process.Line.Thaw();
            process.Stop.Cancel();
        }
        World.Run(TimeSpan.FromMinutes(1));
    }

    private string? NotYet<T>(Func<T, bool> isAsAsked)
        where T : class, IKubernetesObject<T> =>
        Server.All<T>().FirstOrDefault(one => !isAsAsked(one)) is { } found
            ? Encoding.UTF8.GetString(KubernetesJson.Serialize(found)) : null;

    private static bool IsRolledOut(Deployment one)
    {
        int wanted = one.Spec.Replicas ?? 1;
        return one.Status.ObservedGeneration >= one.Metadata.Generation && (one.Status.UpdatedReplicas ?? 0) == wanted
            && (one.Status.Replicas ?? 0) == wanted && (one.Status.AvailableReplicas ?? 0) == wanted;
    }

    private IEnumerable<Pod> PodsOf(IKubernetesObject owner) => Server.All<Pod>().Where(pod => pod.ControllerOwner?.Uid == owner.Uid);

    // Each pod that succeeded counts once, also when the one who counted died between counting and letting the pod go.
    private void CheckJob(Job job)
    {
        int counted = job.Status.Succeeded ?? 0;
        bool isComplete = job.Status.Conditions.OrEmpty().Any(condition => condition.Type == "Complete");
        Assert.True(!isComplete || counted >= job.Spec.Completions, $"{job.Name} is complete with {counted}");
        Assert.True(counted <= Rules.SucceededPodsOf(job.Uid), $"{job.Name} counts {counted}, {Rules.SucceededPodsOf(job.Uid)} pods succeeded");
        Assert.Empty(job.Status.UncountedTerminatedPods?.Succeeded.OrEmpty() ?? []);
        Assert.All(PodsOf(job), pod => Assert.Empty(pod.Metadata.Finalizers.OrEmpty()));
    }

    private void CheckEndpoints(Service service)
    {
        var ready = Server.All<Pod>().Where(pod => pod.Namespace == service.Namespace
            && service.Spec.Selector.OrEmpty().All(pair => pod.Labels.GetValueOrDefault(pair.Key) == pair.Value)
            && pod.Status.Conditions.OrEmpty().Any(condition => condition is { Type: "Ready", Status: "True" }));
        var slices = Server.All<Orchestrator.Api.DiscoveryV1.EndpointSlice>().Where(slice => slice.Namespace == service.Namespace
            && slice.Labels.GetValueOrDefault("kubernetes.io/service-name") == service.Name);

        Assert.Equal(ready.Select(pod => pod.Status.PodIP).Order(), slices.SelectMany(slice => slice.Endpoints.OrEmpty())
            .Where(endpoint => endpoint.Conditions?.Ready == true).SelectMany(endpoint => endpoint.Addresses.OrEmpty()).Order());
    }

    private void CheckOwners()
    {
        var uids = Server.Everything.Select(item => (string)item["metadata"]!["uid"]!).ToHashSet();
        foreach (var item in Server.Everything)
        {
            var meta = item["metadata"]!;
            if (meta["ownerReferences"] is JsonArray { Count: > 0 } owners)
                Assert.True(owners.Any(owner => uids.Contains((string)owner!["uid"]!)), $"an orphan: {item.ToJsonString()}");
            if ((string?)meta["namespace"] is { Length: > 0 } ns)
                Assert.True(Server.Find<Namespace>("", ns) is not null, $"its namespace is gone: {item.ToJsonString()}");
        }
    }

    private static bool Same(PodSpec left, PodSpec right) => left.Containers![0].Image == right.Containers![0].Image;

    private async Task StartLaterAsync(string name, TimeSpan pause)
    {
        await Task.Delay(pause, World.Time, _stop.Token);
        if (name == ManagerName)
            StartManager();
        else
            StartScheduler();
    }

    private void StartManager()
    {
        var line = new ProcessLine(Server, Died);
        var manager = new ControllerManager(
            Client(line), ControllerList.All(new ControllerSettings { RootCertificates = "root" }),
            new ControllerManagerOptions { Election = Election(ManagerName), Informers = Options(), Jitter = World.Random.NextDouble });
        Start(ManagerName, line, () => manager.IsWorking, manager.RunAsync);
    }

    private void StartScheduler()
    {
        var line = new ProcessLine(Server, Died);
        var scheduler = new SchedulerRunner(Client(line), new SchedulerOptions
        {
            Election = Election(SchedulerName), Informers = Options(), Jitter = World.Random.NextDouble, Seed = (ulong)World.Random.Next(),
        });
        Start(SchedulerName, line, () => scheduler.IsWorking, scheduler.RunAsync);
    }

    private void Start(string name, ProcessLine line, Func<bool> isWorking, Func<CancellationToken, Task> run)
    {
        var process = new SimulatedProcess(name, line, new CancellationTokenSource(), isWorking);
        _processes.Add(process);
        World.Spawn(() => run(process.Stop.Token));
    }

    private void Died(ProcessLine line)
    {
        if (_processes.Find(one => one.Line == line) is { } process)
            Kill(process, TimeSpan.FromSeconds(World.Random.Next(20)));
    }

    private LeaderElectorOptions Election(string name) =>
        new() { Name = name, Identity = $"{name}-{_starts++}", Jitter = World.Random.NextDouble };

    private InformerOptions Options() => new() { Jitter = World.Random.NextDouble };

    private ApiClient Client(IApiTransport transport) => new(transport, new ApiClientOptions { Time = World.Time });

    private async Task HeartbeatsAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            for (int i = 0; i < NodeCount; i++)
            {
                if (!_downNodes.Contains($"n{i}"))
                    Beat($"n{i}");
            }
            await Task.Delay(TimeSpan.FromSeconds(10), World.Time, _stop.Token);
        }
    }

    private void Beat(string name)
    {
        var now = World.Time.GetUtcNow();
        Server.Put(new Lease
        {
            Metadata = new ObjectMeta { Namespace = "kube-node-lease", Name = name },
            Spec = { HolderIdentity = name, LeaseDurationSeconds = 40, RenewTime = now },
        });
        var node = Server.Find<Node>("", name);
        if (node is null || node.Status.Conditions.OrEmpty().Any(condition => condition is { Type: "Ready", Status: "True" }))
            return;
        node.Status.Conditions = [SimulatedObjects.Ready(now)];
        Server.Put(node);
    }

    private static void SetDefaults(ResourceDescription resource, JsonObject json)
    {
        var typed = KubernetesJson.Deserialize(resource.Kind, FakeApiServer.Bytes(json));
        Defaults.Apply(typed);
        var filled = (JsonObject)JsonNode.Parse(KubernetesJson.Serialize(typed))!;
        json.Clear();
        foreach (var (name, value) in filled.ToList())
            json[name] = value?.DeepClone();
    }
}
