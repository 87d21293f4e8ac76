using Orchestrator.Api;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Runtime.Tests.Simulation;
using static Orchestrator.Runtime.Tests.Simulation.SimulatedObjects;

namespace Orchestrator.Runtime.Tests.Controllers;

/// <summary>All controllers, the scheduler and pretended kubelets on a pretended API server, on one thread under virtual time.</summary>
public sealed class ControllerManagerTests
{
    [Fact]
    public void A_deployment_becomes_a_replica_set_and_pods_that_run()
    {
        using var cluster = new SimulatedCluster(seed: 1, Faults.None);

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
        using var cluster = new SimulatedCluster(seed: 2, Faults.None);
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
        using var cluster = new SimulatedCluster(seed: 3, Faults.None);
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
        using var cluster = new SimulatedCluster(seed: 4, Faults.None);
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
        using var cluster = new SimulatedCluster(seed: 5, Faults.None);

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
        using var cluster = new SimulatedCluster(seed: 5, Faults.None);

        cluster.Server.Put(StatefulSet("db", replicas: 3));
        cluster.RunUntil(() => cluster.Find<StatefulSet>("db")?.Status.ReadyReplicas == 3, "the stateful set");

        Assert.Equal(["db-0", "db-1", "db-2"], cluster.Server.All<Pod>().Select(pod => pod.Name).Order());
    }

    [Fact]
    public void A_daemon_set_has_a_pod_on_each_node()
    {
        using var cluster = new SimulatedCluster(seed: 5, Faults.None);

        cluster.Server.Put(DaemonSet("agent"));
        cluster.RunUntil(() => cluster.Find<DaemonSet>("agent")?.Status.NumberReady == SimulatedCluster.NodeCount, "the daemon set");

        Assert.Equal(["n0", "n1", "n2"], cluster.Server.All<Pod>().Select(pod => pod.Spec.NodeName).Order());
    }

    [Fact]
    public void A_namespace_goes_with_all_that_is_in_it()
    {
        using var cluster = new SimulatedCluster(seed: 6, Faults.None);
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
        using var cluster = new SimulatedCluster(seed: 7, Faults.None, managerCount: 2);
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
}
