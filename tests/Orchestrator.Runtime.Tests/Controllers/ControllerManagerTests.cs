using System.Text.Json.Nodes;
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

    private static Deployment Deployment(string name, int replicas, string ns = "default")
    {
        var deployment = new Deployment { Metadata = Meta(name, ns) };
        deployment.Spec.Replicas = replicas;
        deployment.Spec.Selector = Selector(name);
        deployment.Spec.Template = Template(name);
        return deployment;
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

        public void RunUntil(Func<bool> condition, string what) => World.RunUntil(condition, Long, what);

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
