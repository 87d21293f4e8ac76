using System.Text.Json.Nodes;
using KvStore.Testing;
using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Defaulting;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Reconciling;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Controllers;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.LeaderElection;
using Orchestrator.Runtime.Scheduling;
using Orchestrator.Runtime.Tests.Simulation;

namespace Orchestrator.Runtime.Tests.Controllers;

/// <summary>All controllers, the scheduler and pretended kubelets on a pretended API server, on one thread under virtual time.</summary>
public sealed class ControllerManagerTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(30);

    [Fact]
    public void A_deployment_becomes_a_replica_set_and_pods_that_run()
    {
        using var cluster = new Cluster(seed: 1, Faults.None);

        cluster.Server.Put(Deployment("web", replicas: 3));
        cluster.Server.Put(Service("web"));
        cluster.RunUntil(() => cluster.Find<Deployment>("web")?.Status.AvailableReplicas == 3, "three available");
        cluster.RunUntil(() => cluster.Server.All<EndpointSlice>()
            .Where(slice => slice.Labels.GetValueOrDefault("kubernetes.io/service-name") == "web")
            .Sum(slice => slice.Endpoints.OrEmpty().Count(endpoint => endpoint.Conditions?.Ready == true)) == 3, "three endpoints");

        var set = Assert.Single(cluster.Server.All<ReplicaSet>());
        Assert.StartsWith("web-", set.Metadata.Name);
        Assert.All(cluster.Server.All<Pod>(), pod => Assert.Equal(set.Metadata.Uid, pod.ControllerOwner!.Uid));
        Assert.Contains(cluster.Server.All<Event>(), one => one.Reason == "ScalingReplicaSet");
        Assert.Contains(cluster.Server.All<Event>(), one => one.Reason == "SuccessfulCreate");
        cluster.CheckSettled();
    }

    [Fact]
    public void A_rollout_replaces_all_pods_and_keeps_the_old_set()
    {
        using var cluster = new Cluster(seed: 2, Faults.None);
        cluster.Server.Put(Deployment("web", replicas: 4));
        cluster.RunUntil(() => cluster.Find<Deployment>("web")?.Status.AvailableReplicas == 4, "four available");

        cluster.SetImage("web", "image:2");
        cluster.RunUntil(() => cluster.IsRolledOut("web") && cluster.IsSettled(), "the rollout");

        Assert.Equal(2, cluster.Server.All<ReplicaSet>().Count);
        Assert.All(cluster.Server.All<Pod>(), pod => Assert.Equal("image:2", pod.Spec.Containers![0].Image));
        cluster.CheckSettled();
    }

    [Fact]
    public void A_deletion_in_the_background_takes_everything_along_and_leaves_what_is_orphaned()
    {
        using var cluster = new Cluster(seed: 3, Faults.None);
        cluster.Server.Put(Deployment("gone", replicas: 2));
        cluster.Server.Put(Deployment("orphaned", replicas: 2));
        cluster.RunUntil(() => cluster.IsRolledOut("gone") && cluster.IsRolledOut("orphaned"), "both");

        cluster.Delete<Deployment>("gone", "Background");
        cluster.Delete<Deployment>("orphaned", "Orphan");
        cluster.RunUntil(() => cluster.Server.All<Deployment>().Count == 0, "no deployments");
        cluster.RunUntil(() => cluster.Server.All<Pod>().All(pod => pod.Labels["app"] == "orphaned"), "no pods of the one");

        var set = Assert.Single(cluster.Server.All<ReplicaSet>());
        Assert.Equal("orphaned", set.Labels["app"]);
        Assert.Empty(set.Metadata.OwnerReferences.OrEmpty());
        Assert.Equal(2, cluster.Server.All<Pod>().Count);
    }

    [Fact]
    public void A_foreground_deletion_ends_with_the_owner()
    {
        using var cluster = new Cluster(seed: 4, Faults.None);
        cluster.Server.Put(Deployment("web", replicas: 2));
        cluster.RunUntil(() => cluster.IsRolledOut("web"), "the rollout");

        cluster.Delete<Deployment>("web", "Foreground");
        cluster.RunUntil(() => cluster.Find<Deployment>("web") is null, "no deployment");

        Assert.Empty(cluster.Server.All<ReplicaSet>());
        Assert.Empty(cluster.Server.All<Pod>());
    }

    [Fact]
    public void A_job_runs_as_many_pods_as_it_asks_for()
    {
        using var cluster = new Cluster(seed: 5, Faults.None);

        cluster.Server.Put(Job("job", completions: 3, parallelism: 2));
        cluster.RunUntil(
            () => cluster.Find<Job>("job")?.Status.Conditions.OrEmpty().Any(one => one.Type == "Complete") == true, "the job");

        Assert.Equal(3, cluster.Find<Job>("job")!.Status.Succeeded);
        Assert.Equal(3, cluster.Server.All<Pod>().Count);
        Assert.All(cluster.Server.All<Pod>(), pod => Assert.Empty(pod.Metadata.Finalizers.OrEmpty()));
    }

    [Fact]
    public void A_stateful_set_has_its_pods_by_number()
    {
        using var cluster = new Cluster(seed: 5, Faults.None);

        cluster.Server.Put(StatefulSet("db", replicas: 3));
        cluster.RunUntil(() => cluster.Find<StatefulSet>("db")?.Status.ReadyReplicas == 3, "the stateful set");

        Assert.Equal(["db-0", "db-1", "db-2"], cluster.Server.All<Pod>().Select(pod => pod.Name).Order());
    }

    [Fact]
    public void A_daemon_set_has_a_pod_on_each_node()
    {
        using var cluster = new Cluster(seed: 5, Faults.None);

        cluster.Server.Put(DaemonSet("agent"));
        cluster.RunUntil(() => cluster.Find<DaemonSet>("agent")?.Status.NumberReady == Cluster.NodeCount, "the daemon set");

        Assert.Equal(["n0", "n1", "n2"], cluster.Server.All<Pod>().Select(pod => pod.Spec.NodeName).Order());
    }

    [Fact]
    public void A_namespace_goes_with_all_that_is_in_it()
    {
        using var cluster = new Cluster(seed: 6, Faults.None);
        cluster.Server.Put(Namespace("team"));
        cluster.RunUntil(() => cluster.Server.Find<ServiceAccount>("team", "default") is not null, "the account");
        cluster.RunUntil(() => cluster.Server.Find<ConfigMap>("team", "kube-root-ca.crt") is not null, "the root certificate");
        cluster.Server.Put(Deployment("web", replicas: 2, ns: "team"));
        cluster.RunUntil(() => cluster.Server.All<Pod>().Count(pod => pod.Status.Phase == "Running") == 2, "the pods");

        cluster.Delete<Namespace>("team", "Background", ns: "");
        cluster.RunUntil(() => cluster.Server.Find<Namespace>("", "team") is null, "no namespace");

        Assert.DoesNotContain(cluster.Server.All<Pod>(), pod => pod.Namespace == "team");
        Assert.DoesNotContain(cluster.Server.All<ReplicaSet>(), set => set.Namespace == "team");
        Assert.DoesNotContain(cluster.Server.All<ConfigMap>(), map => map.Namespace == "team");
    }

    [Fact]
    public void When_the_leader_dies_in_the_middle_of_a_rollout_another_finishes_it()
    {
        using var cluster = new Cluster(seed: 7, Faults.None, managerCount: 2);
        cluster.Server.Put(Deployment("web", replicas: 6));
        cluster.RunUntil(() => cluster.IsRolledOut("web"), "the first rollout");
        cluster.SetImage("web", "image:2");
        cluster.RunUntil(() => cluster.Server.All<ReplicaSet>().Count == 2, "the second set");

        cluster.KillLeader();
        cluster.RunUntil(() => cluster.IsRolledOut("web") && cluster.IsSettled(), "the second rollout");

        Assert.Equal(2, cluster.Server.All<ReplicaSet>().Count);
        Assert.Equal(1, cluster.Server.Find<Lease>("kube-system", "kube-controller-manager")!.Spec.LeaseTransitions);
        cluster.CheckSettled();
    }

    [Fact]
    public void Over_many_seeds_with_lost_watches_conflicts_and_crashes_it_settles_without_a_duplicate_or_an_orphan()
    {
        int first = int.Parse(Environment.GetEnvironmentVariable("ORCHESTRATOR_FIRST_SEED") ?? "0");
        int count = int.Parse(Environment.GetEnvironmentVariable("ORCHESTRATOR_SEEDS") ?? $"{Lanes.Pick(5, 20, 10_000)}");
        for (int seed = first; seed < first + count; seed++)
        {
            try
            {
                RunUnderFaults(seed);
            }
            catch (Exception fault)
            {
                throw new InvalidOperationException($"seed {seed}: {fault.Message}", fault);
            }
        }
    }

    private static void RunUnderFaults(int seed)
    {
        var random = new Random(seed);
        using var cluster = new Cluster(seed, new Faults
        {
            LostRequest = random.NextDouble() * 0.1,
            LostAnswer = random.NextDouble() * 0.1,
            Refusal = random.NextDouble() * 0.05,
            LostWatch = random.NextDouble() * 0.05,
            Compaction = random.NextDouble() * 0.01,
            StaleList = 0.5,
            Latency = TimeSpan.FromMilliseconds(random.Next(200)),
            RefusesWatchList = random.Next(2) == 0,
        }, managerCount: 2);
        for (int i = 0; i < 2; i++)
            cluster.Server.Put(Deployment($"d{i}", random.Next(4)));
        cluster.Server.Put(StatefulSet("s", random.Next(3)));
        cluster.Server.Put(Job("j", random.Next(1, 4), random.Next(1, 3)));
        cluster.Server.Put(Service("d0"));
        for (int step = 0; step < 12; step++)
        {
            cluster.World.Run(TimeSpan.FromMilliseconds(random.Next(4000)));
            Act(random, cluster, step);
        }
        cluster.Server.Faults = Faults.None;
        cluster.RunUntil(cluster.IsSettled, "it settled");
        cluster.World.Run(TimeSpan.FromSeconds(30));

        cluster.CheckSettled();
    }

    private static void Act(Random random, Cluster cluster, int step)
    {
        string name = $"d{random.Next(2)}";
        switch (random.Next(9))
        {
            case 0: cluster.Change<Deployment>(name, one => one.Spec.Replicas = random.Next(5)); break;
            case 1: cluster.SetImage(name, $"image:{step}"); break;
            case 2: cluster.Delete<Deployment>(name, random.Next(2) == 0 ? "Background" : "Foreground"); break;
            case 3 when cluster.Find<Deployment>(name) is null: cluster.Server.Put(Deployment(name, random.Next(4))); break;
            case 4 when cluster.Server.All<Pod>() is { Count: > 0 } pods:
                cluster.Delete<Pod>(pods[random.Next(pods.Count)].Name, "Background");
                break;
            case 5: cluster.KillLeader(); break;
            case 6: cluster.Change<StatefulSet>("s", one => one.Spec.Replicas = random.Next(3)); break;
            case 7: cluster.Server.BreakWatches(); break;
            case 8 when cluster.Server.All<ReplicaSet>() is { Count: > 0 } sets:
                cluster.Delete<ReplicaSet>(sets[random.Next(sets.Count)].Name, "Background");
                break;
        }
    }

    private static Deployment Deployment(string name, int replicas, string ns = "default")
    {
        var deployment = new Deployment { Metadata = Meta(name, ns) };
        deployment.Spec.Replicas = replicas;
        deployment.Spec.Selector = Selector(name);
        deployment.Spec.Template = Template(name);
        return deployment;
    }

    private static StatefulSet StatefulSet(string name, int replicas)
    {
        var set = new StatefulSet { Metadata = Meta(name) };
        set.Spec.Replicas = replicas;
        set.Spec.ServiceName = name;
        set.Spec.Selector = Selector(name);
        set.Spec.Template = Template(name);
        return set;
    }

    private static DaemonSet DaemonSet(string name)
    {
        var set = new DaemonSet { Metadata = Meta(name) };
        set.Spec.Selector = Selector(name);
        set.Spec.Template = Template(name);
        return set;
    }

    private static Job Job(string name, int completions, int parallelism)
    {
        var job = new Job { Metadata = Meta(name) };
        job.Spec.Completions = completions;
        job.Spec.Parallelism = parallelism;
        // The real API server would generate one.
        job.Spec.ManualSelector = true;
        job.Spec.Selector = Selector(name);
        job.Spec.Template = Template(name);
        job.Spec.Template.Spec.RestartPolicy = "Never";
        return job;
    }

    private static Service Service(string name)
    {
        var service = new Service { Metadata = Meta(name) };
        service.Spec.Selector = new() { ["app"] = name };
        service.Spec.ClusterIP = "10.96.0.10";
        service.Spec.Ports = [new ServicePort { Port = 80 }];
        return service;
    }

    private static Namespace Namespace(string name)
    {
        var ns = new Namespace { Metadata = new ObjectMeta { Name = name } };
        ns.Spec.Finalizers = ["kubernetes"];
        ns.Status.Phase = "Active";
        return ns;
    }

    private static ObjectMeta Meta(string name, string ns = "default") =>
        new() { Namespace = ns, Name = name, Labels = new() { ["app"] = name } };

    private static LabelSelector Selector(string app) => new() { MatchLabels = new() { ["app"] = app } };

    private static PodTemplateSpec Template(string app)
    {
        var template = new PodTemplateSpec { Metadata = new ObjectMeta { Labels = new() { ["app"] = app } } };
        template.Spec.Containers = [new Container { Name = "c", Image = "image:1" }];
        return template;
    }

    /// <summary>The whole cluster. Managers that are killed are started anew, as by an init system.</summary>
    private sealed class Cluster : IDisposable
    {
        public const int NodeCount = 3;

        private readonly List<(ControllerManager Manager, CancellationTokenSource Stop, Line Line)> _managers = [];
        private readonly CancellationTokenSource _stop = new();
        private int _starts;

        public Cluster(int seed, Faults faults, int managerCount = 1)
        {
            World = new VirtualWorld(seed);
            Server = new FakeApiServer(World, faults) { Prepare = SetDefaults };
            Server.Put(Namespace("default"));
            Server.Put(Namespace("kube-system"));
            for (int i = 0; i < NodeCount; i++)
                Server.Put(Node($"n{i}"));
            for (int i = 0; i < managerCount; i++)
                StartManager();
            World.Spawn(() => new SchedulerRunner(Client(Server), new SchedulerOptions
            {
                Informers = Options(), Jitter = World.Random.NextDouble,
            }).RunAsync(_stop.Token));
            World.Spawn(() => new FakeKubelets(World, Server).RunAsync(_stop.Token));
            World.Spawn(HeartbeatsAsync);
        }

        public VirtualWorld World { get; }

        public FakeApiServer Server { get; }

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
                    + (request.Body is { } body ? System.Text.Encoding.UTF8.GetString(body.Span) : ""));
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
            try
            {
                World.Await(() => Client(Server).DeleteAsync<T>(ns, name, new Deletion { PropagationPolicy = propagation }));
            }
            catch (ApiException refusal) when (refusal.IsNotFound())
            {
                // Gone already.
            }
            Server.Faults = faults;
        }

        public void KillLeader()
        {
            int leader = _managers.FindIndex(one => one.Manager.IsWorking);
            if (leader < 0)
                return;
            // No farewell: its requests stop where they are.
            _managers[leader].Line.Cut();
            _managers[leader].Stop.Cancel();
            _managers.RemoveAt(leader);
            StartManager();
        }

        public bool IsRolledOut(string name)
        {
            var found = Find<Deployment>(name);
            int wanted = found?.Spec.Replicas ?? 1;
            return found is not null && found.Status.ObservedGeneration >= found.Metadata.Generation
                && (found.Status.UpdatedReplicas ?? 0) == wanted && (found.Status.Replicas ?? 0) == wanted
                && (found.Status.AvailableReplicas ?? 0) == wanted;
        }

        public bool IsSettled() =>
            _managers.Any(one => one.Manager.IsWorking)
            && Server.All<Deployment>().All(one => !one.IsBeingDeleted && IsRolledOut(one.Name))
            && Server.All<StatefulSet>().All(one => (one.Status.ReadyReplicas ?? 0) == one.Spec.Replicas
                && (one.Status.Replicas ?? 0) == one.Spec.Replicas)
            && Server.All<Job>().All(one => one.Status.Conditions.OrEmpty().Any(condition => condition.Type is "Complete" or "Failed"))
            && Server.All<Pod>().All(pod => !pod.IsBeingDeleted && pod.Status.Phase != "Pending")
            && Server.All<ReplicaSet>().All(one => !one.IsBeingDeleted);

        /// <summary>As many pods as asked for and no more; whatever has an owner has one that is there.</summary>
        public void CheckSettled()
        {
            Assert.True(IsSettled(), "it did not stay settled");
            var pods = Server.All<Pod>();
            var sets = Server.All<ReplicaSet>();
            foreach (var deployment in Server.All<Deployment>())
            {
                var own = sets.Where(set => set.ControllerOwner?.Uid == deployment.Metadata.Uid).ToList();
                Assert.Single(own, set => Same(set.Spec.Template.Spec, deployment.Spec.Template.Spec));
                Assert.Equal(deployment.Spec.Replicas, own.Sum(set => set.Spec.Replicas ?? 0));
                Assert.Equal(deployment.Spec.Replicas, pods.Count(pod => own.Any(set => set.Metadata.Uid == pod.ControllerOwner?.Uid)));
            }
            var uids = new HashSet<string>();
            uids.UnionWith(sets.Select(one => one.Uid));
            uids.UnionWith(Server.All<Deployment>().Select(one => one.Uid));
            uids.UnionWith(Server.All<StatefulSet>().Select(one => one.Uid));
            uids.UnionWith(Server.All<DaemonSet>().Select(one => one.Uid));
            uids.UnionWith(Server.All<Job>().Select(one => one.Uid));
            Assert.All(pods, pod => Assert.Contains(pod.ControllerOwner?.Uid ?? "no owner", uids));
            Assert.All(sets, set => Assert.Contains(set.ControllerOwner?.Uid ?? "no owner", uids));
        }

        public void Dispose()
        {
            _stop.Cancel();
            foreach (var (_, stop, _) in _managers)
                stop.Cancel();
            World.Run(TimeSpan.FromMinutes(1));
        }

        private static bool Same(PodSpec left, PodSpec right) => left.Containers![0].Image == right.Containers![0].Image;

        private void StartManager()
        {
            var stop = new CancellationTokenSource();
            var line = new Line(Server);
            var election = new LeaderElectorOptions
            {
                Name = "kube-controller-manager", Identity = $"m{_starts++}", Jitter = World.Random.NextDouble,
            };
            var manager = new ControllerManager(
                Client(line),
                ControllerList.All(new ControllerSettings { RootCertificates = "root" }),
                new ControllerManagerOptions { Election = election, Informers = Options(), Jitter = World.Random.NextDouble });
            _managers.Add((manager, stop, line));
            World.Spawn(() => manager.RunAsync(stop.Token));
        }

        private InformerOptions Options() => new() { Jitter = World.Random.NextDouble };

        private ApiClient Client(IApiTransport transport) => new(transport, new ApiClientOptions { Time = World.Time });

        private async Task HeartbeatsAsync()
        {
            while (!_stop.IsCancellationRequested)
            {
                for (int i = 0; i < NodeCount; i++)
                {
                    Server.Put(new Lease
                    {
                        Metadata = new ObjectMeta { Namespace = "kube-node-lease", Name = $"n{i}" },
                        Spec = { HolderIdentity = $"n{i}", LeaseDurationSeconds = 40, RenewTime = World.Time.GetUtcNow() },
                    });
                }
                await Task.Delay(TimeSpan.FromSeconds(10), World.Time, _stop.Token);
            }
        }

        private static Node Node(string name)
        {
            var node = new Node { Metadata = new ObjectMeta { Name = name, Labels = new() { ["kubernetes.io/hostname"] = name } } };
            node.Status.Allocatable = new()
            {
                ["cpu"] = Quantity.Parse("4"), ["memory"] = Quantity.Parse("8Gi"), ["pods"] = Quantity.Parse("110"),
            };
            node.Status.Capacity = node.Status.Allocatable;
            node.Status.Conditions =
            [
                new NodeCondition
                {
                    Type = "Ready", Status = "True", Reason = "KubeletReady", LastHeartbeatTime = VirtualWorld.Epoch,
                    LastTransitionTime = VirtualWorld.Epoch,
                },
            ];
            return node;
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

    /// <summary>A process's way to the server; once cut, nothing gets through.</summary>
    private sealed class Line(IApiTransport server) : IApiTransport
    {
        private bool _isCut;

        public void Cut() => _isCut = true;

        public Task<ApiResponse> SendAsync(ApiRequest request, CancellationToken cancellation) =>
            _isCut ? throw new TransportException("cut off") : server.SendAsync(request, cancellation);

        public Task<IApiStream> OpenAsync(ApiRequest request, CancellationToken cancellation) =>
            _isCut ? throw new TransportException("cut off") : server.OpenAsync(request, cancellation);
    }
}
