using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Control.DaemonSets;
using Orchestrator.Control.Deployments;
using Orchestrator.Control.Disruption;
using Orchestrator.Control.GarbageCollection;
using Orchestrator.Control.Jobs;
using Orchestrator.Control.Namespaces;
using Orchestrator.Control.Networking;
using Orchestrator.Control.Pods;
using Orchestrator.Control.ReplicaSets;
using Orchestrator.Control.ServiceAccounts;
using Orchestrator.Control.StatefulSets;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.Tests.Simulation;

/// <summary>Whatever happened on the way, in the end all is as it was asked for: nothing twice, nothing without its owner.</summary>
public sealed class SimulationTests
{
    /// <summary>Set SIMULATION_SEEDS for a longer run; a seed that failed is kept as a test of its own.</summary>
    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("SIMULATION_SEEDS"), out int seeds) ? seeds : 60;

    /// <param name="kept">Seeds that failed once.</param>
    private static void ForEachSeed(Action<int> run, params int[] kept)
    {
        foreach (int seed in Enumerable.Range(1, Seeds).Concat(kept))
        {
            try
            {
                run(seed);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
    }

    [Fact]
    public void Deployments_are_rolled_scaled_and_served() => ForEachSeed(RollOut, 366);

    private static void RollOut(int seed)
    {
        var cluster = new SimulatedCluster(seed,
        [
            DeploymentController.Description, ReplicaSetController.Description, EndpointSliceController.Description,
            EndpointsController.Description, GarbageCollector.Description,
        ]);
        cluster.Api.With(Make.Node("node-1"), Make.Deployment(), new Service
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "web" },
            Spec = new ServiceSpec
            {
                ClusterIP = "10.96.0.1",
                Selector = new() { ["app"] = "web" },
                Ports = [new ServicePort { Port = 80, Protocol = "TCP" }],
            },
        });

        cluster.Run(500, (step, random) =>
        {
            if (random.Next(60) != 0 || step > 400)
                return;
            cluster.Api.Edit<Deployment>(Make.Ns, "web", deployment =>
            {
                if (random.Next(2) == 0)
                    deployment.Spec.Replicas = random.Next(6);
                else
                    deployment.Spec.Template = Make.Template($"nginx:{random.Next(4)}");
            });
        });

        var web = cluster.Api.Get<Deployment>(Make.Ns, "web")!;
        int replicas = web.Spec.Replicas!.Value;
        var pods = cluster.Api.List<Pod>();
        Assert.Equal(replicas, pods.Count);
        var newest = cluster.Api.List<ReplicaSet>().Single(set => set.Spec.Replicas > 0 || replicas == 0
            && ReplicaSetAnnotations.RevisionOf(set) == ReplicaSetAnnotations.RevisionOf(web));
        Assert.All(pods, pod => Assert.Equal(newest.Uid, pod.ControllerOwner?.Uid));
        Assert.All(pods, pod => Assert.Equal(web.Spec.Template.Spec.Containers![0].Image, pod.Spec.Containers![0].Image));
        Assert.All(cluster.Api.List<ReplicaSet>(), set => Assert.Equal(web.Uid, set.ControllerOwner?.Uid));
        // No template has two sets.
        var templates = cluster.Api.List<ReplicaSet>().Select(set => set.Spec.Template.Spec.Containers![0].Image).ToList();
        Assert.Equal(templates.Distinct(), templates);
        Assert.Equal(web.Metadata.Generation, web.Status.ObservedGeneration);
        Assert.Equal((replicas, replicas, replicas), (web.Status.Replicas ?? 0, web.Status.UpdatedReplicas ?? 0, web.Status.AvailableReplicas ?? 0));
        var endpoints = cluster.Api.List<EndpointSlice>().SelectMany(slice => slice.Endpoints.OrEmpty()).ToList();
        Assert.Equal(pods.Select(pod => pod.Uid).Order(), endpoints.Select(endpoint => endpoint.TargetRef!.Uid!).Order());
        Assert.Equal(replicas, cluster.Api.List<Api.CoreV1.Endpoints>().Single().Subsets.OrEmpty().Sum(subset => subset.Addresses!.Count));
    }

    [Fact]
    public void However_late_the_caches_are_no_pod_is_made_or_deleted_twice() => ForEachSeed(MakeOnce);

    private static void MakeOnce(int seed)
    {
        var cluster = new SimulatedCluster(seed,
            [DeploymentController.Description, ReplicaSetController.Description, DaemonSetController.Description, JobController.Description])
        {
            // A create whose answer is lost may be made again; nobody can know. All other faults stay.
            LosesAnswers = false,
        };
        cluster.Api.With(Make.Node("node-1"), Make.Node("node-2"), Make.Deployment(replicas: 5),
            new DaemonSet
            {
                Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "agent", Uid = "agent" },
                Spec = new DaemonSetSpec { Selector = Make.Select("agent"), Template = Make.Template(app: "agent") },
            },
            new Job
            {
                Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "work", Uid = "job" },
                Spec = new JobSpec { Completions = 4, Parallelism = 4, Selector = Make.Select("work"), Template = Make.Template(app: "work") },
            });

        cluster.Run(400, (step, _) =>
        {
            if (step == 300)
                cluster.Api.Edit<Deployment>(Make.Ns, "web", deployment => deployment.Spec.Replicas = 2);
        });

        Assert.Equal((2, 4), (cluster.CreatedPods("agent"), cluster.CreatedPods("work")));
        Assert.Equal(cluster.CreatedPods("web") - 2, cluster.DeletedPods("web"));
        Assert.InRange(cluster.CreatedPods("web"), 2, 5);
    }

    [Fact]
    public void A_namespace_goes_with_all_that_is_in_it() => ForEachSeed(EndNamespace);

    private static void EndNamespace(int seed)
    {
        var cluster = new SimulatedCluster(seed,
        [
            NamespaceController.Description, ServiceAccountController.Description, RootCertificatePublisher.Describe("PEM"),
            DeploymentController.Description, ReplicaSetController.Description, JobController.Description,
            GarbageCollector.Description,
        ]);
        cluster.Api.With(
            new Namespace { Metadata = new ObjectMeta { Name = "default", Uid = "ns" }, Spec = new NamespaceSpec { Finalizers = ["kubernetes"] } },
            new Namespace { Metadata = new ObjectMeta { Name = "other", Uid = "other" }, Spec = new NamespaceSpec { Finalizers = ["kubernetes"] } },
            Make.Deployment(), new Job
            {
                Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "work", Uid = "job" },
                Spec = new JobSpec { Completions = 4, Parallelism = 4, Selector = Make.Select("work"), Template = Make.Template(app: "work") },
            });

        cluster.Run(500, (step, _) =>
        {
            if (step == 100 + (seed % 200))
                cluster.Api.Apply(new Delete(ObjectRef.To(cluster.Api.Get<Namespace>("", "default")!)));
        });

        Assert.Equal(["other"], cluster.Api.List<Namespace>().Select(ns => ns.Name));
        Assert.Empty(cluster.Api.Objects.Where(item => item.Namespace == "default").Select(item => ObjectRef.To(item).ToString()));
        Assert.NotNull(cluster.Api.Get<ServiceAccount>("other", "default"));
        Assert.NotNull(cluster.Api.Get<ConfigMap>("other", "kube-root-ca.crt"));
    }

    [Fact]
    public void Evictions_never_leave_fewer_pods_than_the_budget_says() => ForEachSeed(Drain, 158);

    private static void Drain(int seed)
    {
        const int Least = 3;
        var cluster = new SimulatedCluster(seed,
            [DeploymentController.Description, ReplicaSetController.Description, DisruptionController.Description])
        {
            // A pod made twice makes one too many, and a set that removes it asks no budget.
            LosesAnswers = false,
        };
        cluster.Api.With(Make.Deployment(replicas: 5), new PodDisruptionBudget
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "budget" },
            Spec = new PodDisruptionBudgetSpec
            {
                Selector = Make.Select(),
                MinAvailable = seed % 2 == 0 ? Least : null,
                MaxUnavailable = seed % 2 == 0 ? null : 2,
            },
        });
        cluster.Settle();
        int evicted = 0, refused = 0;

        cluster.Run(600, (_, random) =>
        {
            var pods = cluster.Api.List<Pod>();
            if (random.Next(4) == 0 && pods.Count > 0)
            {
                var pod = pods[random.Next(pods.Count)];
                var decision = EvictionDecision.Decide(pod, cluster.Api.List<PodDisruptionBudget>(), cluster.Now);
                if (decision.ChangedBudget is { } budget)
                    cluster.Api.Apply(Update.Status(budget));
                if (decision.IsAllowed)
                    cluster.Api.Apply(new Delete(ObjectRef.To(pod)));
                evicted += decision.ChangedBudget is null ? 0 : 1;
                refused += decision.IsAllowed ? 0 : 1;
            }
            int serving = cluster.Api.List<Pod>().Count(pod => pod.IsReady() && !pod.IsBeingDeleted);
            Assert.True(serving >= Least, $"only {serving} pods serve");
        });

        Assert.True(evicted > 2 && refused > 2, $"{evicted} evicted, {refused} refused: nothing was shown");
        Assert.Equal(5, cluster.Api.List<Pod>().Count);
        Assert.Equal(2, cluster.Api.List<PodDisruptionBudget>()[0].Status.DisruptionsAllowed);
    }

    [Fact]
    public void Deleted_owners_leave_nothing_behind_unless_they_are_asked_to() => ForEachSeed(DeleteOwners);

    private static void DeleteOwners(int seed)
    {
        var cluster = new SimulatedCluster(seed,
            [DeploymentController.Description, ReplicaSetController.Description, GarbageCollector.Description]);
        cluster.Api.With(Make.Deployment("web"));
        var policy = new[] { PropagationPolicy.Background, PropagationPolicy.Foreground, PropagationPolicy.Orphan }[seed % 3];
        int at = 100 + (seed % 150);

        cluster.Run(400, (step, _) =>
        {
            if (step == at)
                cluster.Api.Apply(new Delete(ObjectRef.To(cluster.Api.Get<Deployment>(Make.Ns, "web")!), policy));
        });

        Assert.Empty(cluster.Api.List<Deployment>());
        if (policy != PropagationPolicy.Orphan)
        {
            Assert.Empty(cluster.Api.List<ReplicaSet>());
            Assert.Empty(cluster.Api.List<Pod>());
            return;
        }
        Assert.All(cluster.Api.List<ReplicaSet>(), set => Assert.Null(set.ControllerOwner));
        Assert.Equal(cluster.Api.List<ReplicaSet>().Sum(set => set.Spec.Replicas), cluster.Api.List<Pod>().Count);
    }

    [Fact]
    public void Jobs_count_each_pod_once() => ForEachSeed(CountJobs, 4651, 7405);

    private static void CountJobs(int seed)
    {
        bool isIndexed = seed % 2 == 0;
        var cluster = new SimulatedCluster(seed, [JobController.Description, GarbageCollector.Description])
        {
            LosesAnswers = seed % 3 != 0,
            RunPod = static (pod, random) =>
            {
                pod.Phase(random.Next(4) == 0 ? "Failed" : "Succeeded");
                pod.Status.ContainerStatuses = null;
            },
        };
        var job = new Job
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "work", Uid = "job" },
            Spec = new JobSpec
            {
                Completions = 6,
                Parallelism = 3,
                BackoffLimit = 1000,
                CompletionMode = isIndexed ? "Indexed" : "NonIndexed",
                Selector = Make.Select("work"),
                Template = Make.Template(app: "work"),
            },
        };
        job.Spec.Template.Spec.RestartPolicy = "Never";
        cluster.Api.With(job);

        cluster.Run(300, static (_, _) => { });
        // Back-off lets minutes pass between tries.
        for (int i = 0; i < 40 && !JobController.IsFinished(cluster.Api.Get<Job>(Make.Ns, "work")!); i++)
        {
            cluster.Api.Now += TimeSpan.FromMinutes(10);
            cluster.Settle();
        }

        var status = cluster.Api.Get<Job>(Make.Ns, "work")!.Status;
        Assert.Equal("Complete", JobController.FinishedType(cluster.Api.Get<Job>(Make.Ns, "work")!));
        Assert.Null(status.UncountedTerminatedPods);
        var pods = cluster.Api.List<Pod>();
        Assert.All(pods, pod => Assert.Empty(pod.Metadata.Finalizers.OrEmpty()));
        // Those that failed and are still there, and at most those that ever failed: what is stopped at the end counts, too.
        // Where a lost answer made one pod too many, it is removed uncounted, whether it fails meanwhile or not.
        Assert.InRange(status.Failed ?? 0, cluster.LosesAnswers ? 0 : pods.Count(PodState.IsFailed), cluster.FailedPods.Count);
        if (isIndexed)
            Assert.Equal((6, "0-5"), (status.Succeeded, status.CompletedIndexes));
        else
            // One that succeeded in the moment in which it was stopped counts and is gone.
            Assert.InRange(status.Succeeded!.Value, pods.Count(PodState.IsSucceeded), cluster.SucceededPods.Count);
        Assert.InRange(status.Succeeded!.Value, 6, 8);
    }

    [Fact]
    public void Stateful_and_daemon_sets_come_to_their_new_revision() => ForEachSeed(UpdateSets);

    private static void UpdateSets(int seed)
    {
        var cluster = new SimulatedCluster(seed,
            [StatefulSetController.Description, DaemonSetController.Description, GarbageCollector.Description]);
        cluster.Api.With(Make.Node("node-1"), Make.Node("node-2"), Make.Node("node-3"),
            new StatefulSet
            {
                Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "db", Uid = "db" },
                Spec = new StatefulSetSpec
                {
                    Replicas = 3,
                    ServiceName = "db",
                    Selector = Make.Select("db"),
                    Template = Make.Template(app: "db"),
                    PodManagementPolicy = seed % 2 == 0 ? "Parallel" : "OrderedReady",
                    VolumeClaimTemplates = [new PersistentVolumeClaim { Metadata = new ObjectMeta { Name = "data" } }],
                },
            },
            new DaemonSet
            {
                Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "agent", Uid = "agent" },
                Spec = new DaemonSetSpec
                {
                    Selector = Make.Select("agent"),
                    Template = Make.Template(app: "agent"),
                    UpdateStrategy = new DaemonSetUpdateStrategy
                    {
                        Type = "RollingUpdate",
                        RollingUpdate = new RollingUpdateDaemonSet { MaxSurge = seed % 3 == 0 ? 1 : 0, MaxUnavailable = seed % 3 == 0 ? 0 : 1 },
                    },
                },
            });

        cluster.Run(500, (step, random) =>
        {
            if (random.Next(100) == 0 && step < 400)
                cluster.Api.Edit<StatefulSet>(Make.Ns, "db", set =>
                {
                    set.Spec.Template = Make.Template($"db:{random.Next(3)}", "db");
                    set.Spec.Replicas = 1 + random.Next(4);
                });
            if (random.Next(100) == 0 && step < 400)
                cluster.Api.Edit<DaemonSet>(Make.Ns, "agent", set => set.Spec.Template = Make.Template($"agent:{random.Next(3)}", "agent"));
        });

        var db = cluster.Api.Get<StatefulSet>(Make.Ns, "db")!;
        var pods = cluster.Api.List<Pod>().Where(pod => pod.Labels["app"] == "db").OrderBy(pod => pod.Name).ToList();
        Assert.Equal(Enumerable.Range(0, db.Spec.Replicas!.Value).Select(i => $"db-{i}"), pods.Select(pod => pod.Name));
        Assert.All(pods, pod => Assert.Equal(db.Spec.Template.Spec.Containers![0].Image, pod.Spec.Containers![0].Image));
        Assert.Equal((db.Status.UpdateRevision, db.Spec.Replicas), (db.Status.CurrentRevision, db.Status.ReadyReplicas));
        Assert.All(pods, pod => Assert.NotNull(cluster.Api.Get<PersistentVolumeClaim>(Make.Ns, $"data-{pod.Name}")));

        var agent = cluster.Api.Get<DaemonSet>(Make.Ns, "agent")!;
        var agents = cluster.Api.List<Pod>().Where(pod => pod.Labels["app"] == "agent").ToList();
        Assert.Equal(["node-1", "node-2", "node-3"], agents.Select(pod => pod.Spec.NodeName!).Order());
        Assert.All(agents, pod => Assert.Equal(agent.Spec.Template.Spec.Containers![0].Image, pod.Spec.Containers![0].Image));
        Assert.Equal((3, 3), (agent.Status.UpdatedNumberScheduled, agent.Status.NumberAvailable));
        // Each revision once, and each with an owner.
        var revisions = cluster.Api.List<ControllerRevision>();
        Assert.All(revisions, revision => Assert.NotNull(revision.ControllerOwner));
        var images = revisions.Select(revision => $"{revision.ControllerOwner!.Uid} {RevisionHistory.TemplateOf(revision).Spec.Containers![0].Image}").ToList();
        Assert.Equal(images.Distinct(), images);
    }
}
