using Orchestrator.Api.PolicyV1;
using Orchestrator.Control.Disruption;

namespace Orchestrator.Control.Tests.Disruption;

public sealed class DisruptionControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "budget");

    private readonly FakeCluster _cluster = new();

    private PodDisruptionBudget Budget => _cluster.Get<PodDisruptionBudget>(Make.Ns, "budget")!;

    private static PodDisruptionBudget New(string? minAvailable = null, string? maxUnavailable = null) => new()
    {
        Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "budget" },
        Spec = new PodDisruptionBudgetSpec
        {
            Selector = Make.Select(),
            MinAvailable = minAvailable is null ? (IntOrString?)null : IntOrString.Parse(minAvailable),
            MaxUnavailable = maxUnavailable is null ? (IntOrString?)null : IntOrString.Parse(maxUnavailable),
        },
    };

    private void Given(PodDisruptionBudget budget, int ready, int notReady = 0)
    {
        var deployment = Make.Deployment(replicas: ready + notReady);
        var set = Make.ReplicaSet(replicas: ready + notReady);
        set.Metadata.OwnerReferences = [References.Controller(deployment)];
        _cluster.With(budget, deployment, set);
        for (int i = 0; i < ready + notReady; i++)
            _cluster.With(i < ready ? Make.Pod($"p{i}", set).Ready() : Make.Pod($"p{i}", set).NotReady());
    }

    private Decision Look() => _cluster.Settle(DisruptionController.Description, Key);

    [Theory]
    [InlineData("2", null, 3, 0, 1, 2, 3)]
    [InlineData("2", null, 2, 0, 0, 2, 2)]
    [InlineData("50%", null, 5, 0, 2, 3, 5)]
    [InlineData(null, "1", 3, 0, 1, 2, 3)]
    [InlineData(null, "1", 2, 1, 0, 2, 3)]
    [InlineData(null, "50%", 3, 0, 2, 1, 3)]
    [InlineData(null, "0", 3, 0, 0, 3, 3)]
    [InlineData(null, "100%", 2, 1, 2, 0, 3)]
    [InlineData("5", null, 3, 0, 0, 5, 3)]
    public void What_a_budget_allows(
        string? min, string? max, int ready, int notReady, int allowed, int desired, int expected)
    {
        Given(New(min, max), ready, notReady);

        Look();

        var status = Budget.Status;
        Assert.Equal((allowed, desired, expected, ready, 1L), (status.DisruptionsAllowed, status.DesiredHealthy,
            status.ExpectedPods, status.CurrentHealthy, status.ObservedGeneration));
        var condition = Assert.Single(status.Conditions!);
        Assert.Equal(("DisruptionAllowed", allowed > 0 ? "True" : "False", allowed > 0 ? "SufficientPods" : "InsufficientPods"),
            (condition.Type, condition.Status, condition.Reason));
    }

    [Fact]
    public void Pods_without_a_controller_cannot_be_reckoned_with_percentages()
    {
        _cluster.With(New("50%"), Make.Pod("bare").Ready());

        Look();

        Assert.Equal(0, Budget.Status.DisruptionsAllowed);
        Assert.Contains(_cluster.Events, e => e.StartsWith("Warning UnmanagedPods Pods selected by this PodDisruptionBudget"));
    }

    [Fact]
    public void Owners_without_a_size_fail_the_reckoning()
    {
        var job = new Job { Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "job", Uid = "job" } };
        _cluster.With(New("50%"), Make.Pod("p", job).Ready());

        Look();

        Assert.Equal("SyncFailed", Budget.Status.Conditions![0].Reason);
        Assert.Contains(_cluster.Events, e => e.StartsWith("Warning CalculateExpectedPodCountFailed"));
    }

    [Fact]
    public void An_eviction_uses_up_a_disruption_until_the_pod_goes_or_does_not()
    {
        Given(New("2"), 3);
        Look();
        var decision = EvictionDecision.Decide(_cluster.Get<Pod>(Make.Ns, "p0")!, [Budget], _cluster.Now);
        Assert.True(decision.IsAllowed);
        _cluster.Store(decision.ChangedBudget!);

        Assert.Equal(_cluster.Now.AddMinutes(2).AddSeconds(1), Look().RequeueAt);
        Assert.Equal((0, 2), (Budget.Status.DisruptionsAllowed, Budget.Status.CurrentHealthy));
        Assert.True(Budget.Status.DisruptedPods!.ContainsKey("p0"));
        var refused = EvictionDecision.Decide(_cluster.Get<Pod>(Make.Ns, "p1")!, [Budget], _cluster.Now);
        Assert.False(refused.IsAllowed);
        Assert.Equal((429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget."),
            (refused.Refusal!.Code, refused.Refusal.Reason, refused.Refusal.Message));
        Assert.Equal(("DisruptionBudget", "The disruption budget budget needs 2 healthy pods and has 2 currently"),
            (refused.Refusal.Details!.Causes![0].Reason, refused.Refusal.Details.Causes[0].Message));

        _cluster.Now += TimeSpan.FromSeconds(121);
        Look();
        Assert.Equal(1, Budget.Status.DisruptionsAllowed);
        Assert.Null(Budget.Status.DisruptedPods);
        Assert.Contains(_cluster.Events, e => e.StartsWith("Warning NotDeleted"));
    }

    [Fact]
    public void A_budget_that_is_not_reckoned_yet_refuses_for_a_while()
    {
        Given(New("1"), 3);

        var decision = EvictionDecision.Decide(_cluster.Get<Pod>(Make.Ns, "p0")!, [Budget], _cluster.Now);

        Assert.Equal(10, decision.Refusal!.Details!.RetryAfterSeconds);
        Assert.Equal("The disruption budget budget is still being processed by the server.",
            decision.Refusal.Details.Causes![0].Message);
    }

    [Fact]
    public void Two_budgets_for_one_pod_are_an_error()
    {
        var decision = EvictionDecision.Decide(Make.Pod("p").Ready(), [New("1"), New("2")], _cluster.Now);

        Assert.Equal((500, "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."),
            (decision.Refusal!.Code, decision.Refusal.Message));
    }

    public static TheoryData<string, Pod, string?, int, bool> Unready => new()
    {
        { "pending", Make.Pod("p").Phase("Pending"), null, 0, true },
        { "ended", Make.Pod("p").Phase("Failed"), null, 0, true },
        { "ready", Make.Pod("p").Ready(), null, 2, false },
        { "not ready, the budget is healthy", Make.Pod("p").NotReady(), null, 2, true },
        { "not ready, the budget is not healthy", Make.Pod("p").NotReady(), null, 1, false },
        { "not ready, always allowed", Make.Pod("p").NotReady(), "AlwaysAllow", 1, true },
        { "other labels", Make.Pod("p", app: "other").Ready(), null, 0, true },
    };

    [Theory]
    [MemberData(nameof(Unready))]
    public void Whether_a_pod_may_be_evicted_when_no_disruption_is_left(
        string what, Pod pod, string? policy, int healthy, bool isAllowed)
    {
        var budget = New("2");
        budget.Spec.UnhealthyPodEvictionPolicy = policy;
        budget.Status = new PodDisruptionBudgetStatus { DesiredHealthy = 2, CurrentHealthy = healthy, DisruptionsAllowed = 0 };

        var decision = EvictionDecision.Decide(pod, [budget], _cluster.Now);

        Assert.True(decision.IsAllowed == isAllowed, what);
        Assert.Null(decision.ChangedBudget);
    }
}
