using Orchestrator.Control.Deployments;
using Orchestrator.Control.ReplicaSets;

namespace Orchestrator.Control.Tests.Deployments;

public sealed class DeploymentControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "web");

    private readonly FakeCluster _cluster = new();

    private Deployment Web => _cluster.Get<Deployment>(Make.Ns, "web")!;

    private IReadOnlyList<ReplicaSet> Sets =>
        _cluster.List<ReplicaSet>().OrderBy(ReplicaSetAnnotations.RevisionOf).ToList();

    private void Look() => _cluster.Reconcile(DeploymentController.Description, Key);

    /// <summary>The ReplicaSets' controller and the nodes: every pod that is asked for is there and available.</summary>
    private void Serve(Func<ReplicaSet, int>? available = null)
    {
        foreach (var set in _cluster.List<ReplicaSet>())
        {
            _cluster.Change<ReplicaSet>(set.Namespace, set.Name, s =>
            {
                int pods = s.Spec.Replicas ?? 0;
                int count = Math.Min(pods, available?.Invoke(s) ?? pods);
                s.Status.Replicas = pods;
                s.Status.ReadyReplicas = count;
                s.Status.AvailableReplicas = count;
                s.Status.ObservedGeneration = s.Metadata.Generation;
            });
        }
    }

    private void Finish()
    {
        for (int i = 0; i < 30; i++)
        {
            int done = _cluster.Done.Count;
            Look();
            Serve();
            if (_cluster.Done.Count == done)
                return;
        }
        Assert.Fail("does not settle");
    }

    private DeploymentCondition Condition(string type) => Web.Status.Conditions!.Single(c => c.Type == type);

    [Fact]
    public void A_new_deployment_makes_one_set_named_and_labelled_by_its_templates_hash()
    {
        _cluster.With(Make.Deployment());

        Look();

        var set = Assert.Single(Sets);
        string hash = set.Labels["pod-template-hash"];
        Assert.Equal($"web-{hash}", set.Name);
        Assert.All(hash, letter => Assert.Contains(letter, "bcdfghjklmnpqrstvwxz2456789"));
        Assert.Equal(hash, set.Spec.Selector!.MatchLabels!["pod-template-hash"]);
        Assert.Equal(hash, set.Spec.Template.Metadata.Labels!["pod-template-hash"]);
        Assert.Equal(3, set.Spec.Replicas);
        Assert.Equal(("1", "3", "4"), (set.Annotations[ReplicaSetAnnotations.Revision],
            set.Annotations[ReplicaSetAnnotations.DesiredReplicas], set.Annotations[ReplicaSetAnnotations.MaxReplicas]));
        Assert.Equal("1", Web.Annotations[ReplicaSetAnnotations.Revision]);
        Assert.Contains($"Normal ScalingReplicaSet Scaled up replica set {set.Name} from 0 to 3", _cluster.Events);
        Assert.Equal("NewReplicaSetCreated", Condition("Progressing").Reason);
        Assert.Equal("MinimumReplicasUnavailable", Condition("Available").Reason);
    }

    [Fact]
    public void When_all_pods_serve_the_rollout_is_complete()
    {
        _cluster.With(Make.Deployment());

        Finish();

        var status = Web.Status;
        Assert.Equal((3, 3, 3, 3, null as int?, 1L), (status.Replicas, status.UpdatedReplicas, status.ReadyReplicas,
            status.AvailableReplicas, status.UnavailableReplicas, status.ObservedGeneration));
        Assert.Equal(("True", "NewReplicaSetAvailable", $"ReplicaSet \"{Sets[0].Name}\" has successfully progressed."),
            (Condition("Progressing").Status, Condition("Progressing").Reason, Condition("Progressing").Message));
        Assert.Equal(("True", "Deployment has minimum availability."),
            (Condition("Available").Status, Condition("Available").Message));
    }

    // Surge rounds up, unavailable rounds down.
    [Theory]
    [InlineData(4, "25%", "25%", 1, 1)]
    [InlineData(10, "25%", "25%", 3, 2)]
    [InlineData(1, "25%", "25%", 1, 0)]
    [InlineData(3, "0", "0%", 0, 1)]
    [InlineData(5, "0", "100%", 0, 5)]
    [InlineData(2, "0", "7", 0, 2)]
    [InlineData(0, "25%", "25%", 0, 0)]
    public void The_bounds_of_a_rollout(int replicas, string surge, string unavailable, int maxSurge, int maxUnavailable)
    {
        var spec = Make.Deployment(replicas: replicas).Spec;
        spec.Strategy!.RollingUpdate!.MaxSurge = IntOrString.Parse(surge);
        spec.Strategy.RollingUpdate.MaxUnavailable = IntOrString.Parse(unavailable);

        Assert.Equal(new RolloutBounds(maxSurge, maxUnavailable), RolloutBounds.Of(spec));
    }

    [Fact]
    public void A_rolling_update_never_leaves_its_bounds_and_ends_with_the_new_set_alone()
    {
        _cluster.With(Make.Deployment(replicas: 10));
        Finish();
        _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Template = Make.Template("nginx:2"));

        for (int i = 0; i < 40; i++)
        {
            Look();
            Assert.InRange(Sets.Sum(set => set.Spec.Replicas ?? 0), 8, 13);
            // Pods come up one by one.
            Serve(set => (set.Status.AvailableReplicas ?? 0) + 1);
        }

        Assert.Equal([0, 10], Sets.Select(set => set.Spec.Replicas ?? 0));
        Assert.Equal(["1", "2"], Sets.Select(set => set.Annotations[ReplicaSetAnnotations.Revision]));
        Assert.Equal("2", Web.Annotations[ReplicaSetAnnotations.Revision]);
        Assert.Equal("NewReplicaSetAvailable", Condition("Progressing").Reason);
    }

    [Fact]
    public void Old_pods_that_do_not_serve_go_first()
    {
        _cluster.With(Make.Deployment(replicas: 10));
        Finish();
        Serve(_ => 7);
        _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Template = Make.Template("nginx:2"));

        Look();

        // 13 - 8 - 3 not yet serving = 2 may go, and they come from the three that are broken.
        Assert.Equal([8, 3], Sets.Select(set => set.Spec.Replicas ?? 0));
    }

    [Fact]
    public void Undoing_makes_the_old_set_the_newest_revision_and_keeps_its_history()
    {
        _cluster.With(Make.Deployment());
        Finish();
        _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Template = Make.Template("nginx:2"));
        Finish();

        _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Template = Make.Template("nginx:1"));
        Finish();

        Assert.Equal(2, Sets.Count);
        Assert.Equal("nginx:1", Sets[1].Spec.Template.Spec.Containers![0].Image);
        Assert.Equal(("3", "1"), (Sets[1].Annotations[ReplicaSetAnnotations.Revision],
            Sets[1].Annotations[ReplicaSetAnnotations.RevisionHistory]));
        Assert.Equal([0, 3], Sets.Select(set => set.Spec.Replicas ?? 0));
        Assert.Equal("3", Web.Annotations[ReplicaSetAnnotations.Revision]);
    }

    [Fact]
    public void A_paused_deployment_is_scaled_and_not_rolled()
    {
        _cluster.With(Make.Deployment());
        Finish();
        _cluster.Edit<Deployment>(Make.Ns, "web", d =>
        {
            d.Spec.Paused = true;
            d.Spec.Replicas = 5;
            d.Spec.Template = Make.Template("nginx:2");
        });

        Finish();

        Assert.Equal(5, Assert.Single(Sets).Spec.Replicas);
        Assert.Equal(("Unknown", "DeploymentPaused", "Deployment is paused"),
            (Condition("Progressing").Status, Condition("Progressing").Reason, Condition("Progressing").Message));

        _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Paused = false);
        Look();

        Assert.Equal(2, Sets.Count);
    }

    [Fact]
    public void Scaling_in_the_midst_of_a_rollout_keeps_the_proportions()
    {
        _cluster.With(Make.Deployment(replicas: 10));
        Finish();
        _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Template = Make.Template("nginx:2"));
        Look();
        Serve(set => ReplicaSetAnnotations.RevisionOf(set) == 1 ? 10 : 0);
        Look();
        Serve(set => ReplicaSetAnnotations.RevisionOf(set) == 1 ? 8 : 0);
        Assert.Equal([8, 5], Sets.Select(set => set.Spec.Replicas ?? 0));

        _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Replicas = 15);
        Look();

        // 15 + 4 pods in all: 8 and 5 of 13 become 12 and 7.
        Assert.Equal([12, 7], Sets.Select(set => set.Spec.Replicas ?? 0));
    }

    [Fact]
    public void A_set_that_has_the_right_size_by_chance_is_marked_so_and_the_rollout_goes_on()
    {
        _cluster.With(Make.Deployment());
        Finish();
        // Meant for three, and scaled down to one since.
        _cluster.Change<ReplicaSet>(Make.Ns, Sets[0].Name, set => set.Spec.Replicas = 1);
        _cluster.Edit<Deployment>(Make.Ns, "web", d =>
        {
            d.Spec.Replicas = 1;
            d.Spec.Template = Make.Template("nginx:2");
        });

        Finish();

        Assert.Equal([0, 1], Sets.Select(set => set.Spec.Replicas ?? 0));
    }

    [Fact]
    public void Recreate_waits_until_the_last_old_pod_has_ended()
    {
        var deployment = Make.Deployment();
        deployment.Spec.Strategy = new DeploymentStrategy { Type = "Recreate" };
        _cluster.With(deployment);
        Finish();
        var old = Sets[0];
        _cluster.Add(Make.Pod("old", old).Ready());
        _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Template = Make.Template("nginx:2"));

        Look();
        Serve();
        Look();
        Assert.Equal([0], Sets.Select(set => set.Spec.Replicas ?? 0));

        _cluster.Remove(_cluster.Get<Pod>(Make.Ns, "old")!);
        Finish();

        Assert.Equal([0, 3], Sets.Select(set => set.Spec.Replicas ?? 0));
    }

    [Fact]
    public void A_rollout_that_stands_still_beyond_its_deadline_is_marked()
    {
        _cluster.With(Make.Deployment());
        Look();
        Serve(_ => 0);
        var waiting = _cluster.Settle(DeploymentController.Description, Key);
        Assert.Equal(_cluster.Now.AddSeconds(601), waiting.RequeueAt);

        _cluster.Now += TimeSpan.FromSeconds(601);
        Look();

        Assert.Equal(("False", "ProgressDeadlineExceeded", $"ReplicaSet \"{Sets[0].Name}\" has timed out progressing."),
            (Condition("Progressing").Status, Condition("Progressing").Reason, Condition("Progressing").Message));

        Serve();
        Look();
        Assert.Equal("NewReplicaSetAvailable", Condition("Progressing").Reason);
    }

    [Fact]
    public void A_taken_name_is_answered_by_another_hash()
    {
        _cluster.With(Make.Deployment());
        Look();
        var taken = Sets[0];
        _cluster.Remove(taken);
        _cluster.Change<Deployment>(Make.Ns, "web", d => d.Status = new DeploymentStatus());
        var foreign = Make.ReplicaSet(taken.Name);
        foreign.Metadata.Labels = new() { ["app"] = "foreign" };
        _cluster.Add(foreign);

        Look();
        Assert.Equal(1, Web.Status.CollisionCount);
        Look();

        Assert.Contains(_cluster.List<ReplicaSet>(), set => set.Name != taken.Name && set.IsControlledBy(Web));
    }

    [Fact]
    public void A_set_that_cannot_be_made_is_told_by_event_and_condition()
    {
        _cluster.With(Make.Deployment());
        _cluster.Refusal = intent => intent is Create ? Make.Refused("Forbidden", "exceeded quota") : null;

        _cluster.Reconcile(DeploymentController.Description, Key);
        _cluster.Reconcile(DeploymentController.Description, Key, null, _cluster.Failures);

        Assert.Contains(_cluster.Events, e => e.StartsWith("Warning ReplicaSetCreateError Failed to create new replica set \"web-"));
        Assert.Equal(("False", "ReplicaSetCreateError"), (Condition("Progressing").Status, Condition("Progressing").Reason));
        Assert.Empty(Sets);
    }

    [Fact]
    public void What_keeps_a_set_from_making_pods_shows_on_the_deployment()
    {
        _cluster.With(Make.Deployment());
        Look();
        _cluster.Change<ReplicaSet>(Make.Ns, Sets[0].Name, set => set.Status.Conditions =
            [new ReplicaSetCondition { Type = "ReplicaFailure", Status = "True", Reason = "FailedCreate", Message = "exceeded quota" }]);

        Look();

        Assert.Equal(("True", "FailedCreate", "exceeded quota"), (Condition("ReplicaFailure").Status,
            Condition("ReplicaFailure").Reason, Condition("ReplicaFailure").Message));
    }

    [Fact]
    public void Only_so_many_old_sets_are_kept_as_the_history_is_long()
    {
        var deployment = Make.Deployment();
        deployment.Spec.RevisionHistoryLimit = 2;
        _cluster.With(deployment);
        for (int i = 1; i <= 6; i++)
        {
            _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Template = Make.Template($"nginx:{i}"));
            Finish();
        }

        Assert.Equal(["4", "5", "6"], Sets.Select(set => set.Annotations[ReplicaSetAnnotations.Revision]));
    }

    [Fact]
    public void The_deployments_annotations_go_over_to_its_newest_set()
    {
        var deployment = Make.Deployment();
        deployment.Metadata.Annotations = new()
        {
            ["kubernetes.io/change-cause"] = "first",
            ["kubectl.kubernetes.io/last-applied-configuration"] = "{}",
        };
        _cluster.With(deployment);

        Finish();

        Assert.Equal("first", Sets[0].Annotations["kubernetes.io/change-cause"]);
        Assert.False(Sets[0].Annotations.ContainsKey("kubectl.kubernetes.io/last-applied-configuration"));
    }

    [Fact]
    public void A_selector_that_selects_everything_is_refused()
    {
        var deployment = Make.Deployment();
        deployment.Spec.Selector = new LabelSelector();
        _cluster.With(deployment);

        Look();

        Assert.Empty(Sets);
        Assert.Contains(_cluster.Events, e => e.StartsWith("Warning SelectingAll"));
    }

    [Fact]
    public void Together_with_the_sets_controller_a_rollout_ends_with_ready_pods_of_the_new_template()
    {
        _cluster.With(Make.Deployment());

        void Run()
        {
            for (int i = 0; i < 30; i++)
            {
                Look();
                foreach (var set in _cluster.List<ReplicaSet>())
                    _cluster.Reconcile(ReplicaSetController.Description, set.Key);
                foreach (var pod in _cluster.List<Pod>())
                {
                    if (pod.IsBeingDeleted)
                        _cluster.Remove(pod);
                    else
                        _cluster.Change<Pod>(pod.Namespace, pod.Name, p => p.Ready());
                }
            }
        }

        Run();
        _cluster.Edit<Deployment>(Make.Ns, "web", d => d.Spec.Template = Make.Template("nginx:2"));
        Run();

        Assert.Equal(3, _cluster.List<Pod>().Count);
        Assert.All(_cluster.List<Pod>(), pod => Assert.Equal("nginx:2", pod.Spec.Containers![0].Image));
        Assert.Equal(3, Web.Status.AvailableReplicas);
    }
}
