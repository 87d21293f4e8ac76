using Orchestrator.Control.ReplicaSets;

namespace Orchestrator.Control.Tests.ReplicaSets;

public sealed class ReplicaSetControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "web");

    private readonly FakeCluster _cluster = new();

    private Decision Look(IReadOnlyList<IntentFailure>? failures = null) =>
        _cluster.Reconcile(ReplicaSetController.Description, Key, null, failures);

    [Fact]
    public void Missing_pods_are_made_in_a_slow_start_with_an_event_each()
    {
        _cluster.With(Make.ReplicaSet());

        Look();

        var pods = _cluster.List<Pod>();
        Assert.Equal(3, pods.Count);
        Assert.All(pods, pod => Assert.StartsWith("web-", pod.Name));
        Assert.All(pods, pod => Assert.True(pod.IsControlledBy(_cluster.Get<ReplicaSet>(Make.Ns, "web")!)));
        Assert.Equal(3, _cluster.Events.Count(e => e.StartsWith("Normal SuccessfulCreate Created pod: web-")));
    }

    [Fact]
    public void After_a_refused_create_the_rest_is_not_tried_and_the_status_tells_why()
    {
        _cluster.With(Make.ReplicaSet(replicas: 8));
        _cluster.Refusal = intent => intent is Create ? Make.Refused("Forbidden", "pods is forbidden: exceeded quota") : null;

        Look();
        var failures = _cluster.Failures;
        Look(failures);

        Assert.Single(failures);
        Assert.Contains("Warning FailedCreate Error creating: pods is forbidden: exceeded quota", _cluster.Events);
        var condition = Assert.Single(_cluster.Get<ReplicaSet>(Make.Ns, "web")!.Status.Conditions!);
        Assert.Equal(("ReplicaFailure", "True", "FailedCreate", "pods is forbidden: exceeded quota"),
            (condition.Type, condition.Status, condition.Reason, condition.Message));
    }

    [Fact]
    public void A_failure_that_is_over_leaves_the_status()
    {
        _cluster.With(Make.ReplicaSet(replicas: 1));
        _cluster.Refusal = intent => intent is Create ? Make.Refused("Forbidden", "no") : null;
        Look();
        Look(_cluster.Failures);
        _cluster.Refusal = _ => null;

        _cluster.Settle(ReplicaSetController.Description, Key);

        Assert.Empty(_cluster.Get<ReplicaSet>(Make.Ns, "web")!.Status.Conditions.OrEmpty());
    }

    [Fact]
    public void At_most_500_pods_are_made_by_one_look()
    {
        _cluster.With(Make.ReplicaSet(replicas: 700));

        Look();

        Assert.Equal(500, _cluster.List<Pod>().Count);
    }

    [Fact]
    public void A_set_that_is_being_deleted_makes_and_removes_nothing()
    {
        var set = Make.ReplicaSet();
        set.Metadata.DeletionTimestamp = Make.Start;
        set.Metadata.Finalizers = ["foregroundDeletion"];
        _cluster.With(set, Make.Pod("a", set).Ready());

        Look();

        Assert.Equal("a", Assert.Single(_cluster.List<Pod>()).Name);
    }

    [Fact]
    public void An_orphan_that_matches_is_adopted_after_the_api_itself_was_asked_for_the_owner()
    {
        _cluster.With(Make.ReplicaSet(replicas: 1), Make.Pod("orphan").Ready());

        Look();

        var pod = Assert.Single(_cluster.List<Pod>());
        Assert.Equal("rs-web", pod.ControllerOwner?.Uid);
        Assert.True(pod.ControllerOwner?.BlockOwnerDeletion);
    }

    [Fact]
    public void Nothing_is_adopted_when_the_owner_has_been_replaced_meanwhile()
    {
        _cluster.With(Make.ReplicaSet(replicas: 1), Make.Pod("orphan").Ready());
        var input = new ReconcileInput { Key = Key, Cache = _cluster, Now = _cluster.Now };
        var asked = ReplicaSetController.Reconcile(input);
        var other = Make.ReplicaSet();
        other.Metadata.Uid = "another";
        var get = (Lookup.Get)Assert.Single(asked.Lookups);

        var decision = ReplicaSetController.Reconcile(input with
        {
            Found = new Findings { Objects = new Dictionary<Lookup.Get, IKubernetesObject?> { [get] = other } },
        });

        Assert.DoesNotContain(decision.Intents, intent => intent is Patch);
    }

    [Fact]
    public void A_pod_whose_labels_do_not_match_any_more_is_released_and_replaced()
    {
        var set = Make.ReplicaSet(replicas: 1);
        _cluster.With(set, Make.Pod("relabelled", set, app: "debug").Ready());

        Look();

        Assert.Null(_cluster.Get<Pod>(Make.Ns, "relabelled")!.ControllerOwner);
        Assert.Equal(2, _cluster.List<Pod>().Count);
    }

    [Fact]
    public void Ended_pods_are_replaced_and_kept()
    {
        var set = Make.ReplicaSet(replicas: 1);
        _cluster.With(set, Make.Pod("failed", set).Phase("Failed"));

        Look();

        Assert.Equal(2, _cluster.List<Pod>().Count);
        Assert.Equal("rs-web", _cluster.Get<Pod>(Make.Ns, "failed")!.ControllerOwner?.Uid);
    }

    [Fact]
    public void The_status_counts_ready_available_labelled_and_terminating_pods()
    {
        var set = Make.ReplicaSet(replicas: 3);
        set.Spec.MinReadySeconds = 30;
        set.Metadata.Generation = 7;
        _cluster.With(set,
            Make.Pod("available", set).Ready(_cluster.Now.AddSeconds(-31)),
            Make.Pod("ready", set).Ready(_cluster.Now.AddSeconds(-10)),
            Make.Pod("pending", set).Phase("Pending"),
            Make.Pod("going", set).Ready().With(pod => pod.Metadata.DeletionTimestamp = _cluster.Now));

        var decision = Look();

        var status = _cluster.Get<ReplicaSet>(Make.Ns, "web")!.Status;
        Assert.Equal((3, 3, 2, 1, 1, 7L), (status.Replicas, status.FullyLabeledReplicas, status.ReadyReplicas,
            status.AvailableReplicas, status.TerminatingReplicas, status.ObservedGeneration));
        Assert.Equal(_cluster.Now.AddSeconds(20), decision.RequeueAt);
    }

    [Fact]
    public void Surplus_pods_are_removed_the_least_useful_first_with_an_event()
    {
        var set = Make.ReplicaSet(replicas: 1);
        _cluster.With(set, Make.Pod("ready", set).Ready(), Make.Pod("pending", set).Phase("Pending"),
            Make.Pod("nowhere", set, node: null).Phase("Pending"));

        Look();

        Assert.Equal(["nowhere", "pending"], _cluster.Done.OfType<Delete>().Select(delete => delete.Target.Name));
        Assert.Contains("Normal SuccessfulDelete Deleted pod: nowhere", _cluster.Events);
    }

    [Fact]
    public void A_settled_set_is_left_alone()
    {
        _cluster.With(Make.ReplicaSet());
        _cluster.Settle(ReplicaSetController.Description, Key);
        _cluster.Done.Clear();

        Look();

        Assert.Empty(_cluster.Done);
    }
}
