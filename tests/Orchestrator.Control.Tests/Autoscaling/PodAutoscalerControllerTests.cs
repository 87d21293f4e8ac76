using Orchestrator.Api.AutoscalingV2;
using Orchestrator.Api.MetricsV1beta1;
using Orchestrator.Control.Autoscaling;

namespace Orchestrator.Control.Tests.Autoscaling;

public sealed class PodAutoscalerControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "web");

    private readonly FakeCluster _cluster = new();
    private object? _memory;

    private HorizontalPodAutoscaler Scaler => _cluster.Get<HorizontalPodAutoscaler>(Make.Ns, "web")!;

    private int Size => _cluster.Get<Deployment>(Make.Ns, "web")!.Spec.Replicas!.Value;

    private static HorizontalPodAutoscaler New(Action<HorizontalPodAutoscalerSpec>? change = null)
    {
        var scaler = new HorizontalPodAutoscaler
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "web" },
            Spec = new HorizontalPodAutoscalerSpec
            {
                MinReplicas = 1,
                MaxReplicas = 10,
                ScaleTargetRef = new CrossVersionObjectReference { ApiVersion = "apps/v1", Kind = "Deployment", Name = "web" },
                Metrics =
                [
                    new MetricSpec
                    {
                        Type = "Resource",
                        Resource = new ResourceMetricSource
                        {
                            Name = "cpu", Target = new MetricTarget { Type = "Utilization", AverageUtilization = 50 },
                        },
                    },
                ],
            },
        };
        change?.Invoke(scaler.Spec);
        return scaler;
    }

    [Fact]
    public void A_new_autoscaler_and_one_with_another_spec_are_looked_at_but_none_for_its_status()
    {
        var watch = PodAutoscalerController.Description.Watches.First(watch => watch.Kind == HorizontalPodAutoscaler.StaticKind);
        var told = New();
        told.Status.CurrentReplicas = 3;

        Assert.Equal([Key], watch.Keys(new ObjectChange(null, New()), _cluster));
        Assert.Equal([Key], watch.Keys(new ObjectChange(New(), New(spec => spec.MaxReplicas = 5)), _cluster));
        Assert.Empty(watch.Keys(new ObjectChange(New(), told), _cluster));
    }

    /// <summary>Pods that each ask for 1 cpu and use so many thousandths; null: no figures.</summary>
    private void Pods(params int?[] usage)
    {
        foreach (var pod in _cluster.List<Pod>())
            _cluster.Remove(pod);
        foreach (var metric in _cluster.List<PodMetrics>())
            _cluster.Remove(metric);
        for (int i = 0; i < usage.Length; i++)
        {
            _cluster.With(Make.Pod($"p{i}").Ready().With(pod =>
            {
                pod.Status.StartTime = Make.Start.AddHours(-1);
                pod.Spec.Containers![0].Resources = new ResourceRequirements { Requests = new() { ["cpu"] = Quantity.Parse("1") } };
            }));
            if (usage[i] is { } milli)
                _cluster.With(new PodMetrics
                {
                    Metadata = new ObjectMeta { Namespace = Make.Ns, Name = $"p{i}" },
                    Timestamp = _cluster.Now,
                    Window = "30s",
                    Containers = [new ContainerMetrics { Name = "main", Usage = new() { ["cpu"] = Quantity.FromMilli(milli) } }],
                });
        }
        if (_cluster.Get<Deployment>(Make.Ns, "web") is null)
            _cluster.With(Make.Deployment(replicas: usage.Length));
    }

    private void Look() => _memory = _cluster.Reconcile(PodAutoscalerController.Description, Key, _memory).Memory;

    private HorizontalPodAutoscalerCondition Condition(string type) => Scaler.Status.Conditions!.Single(c => c.Type == type);

    [Theory]
    [InlineData(3, 500, 3)]
    [InlineData(3, 540, 3)]
    [InlineData(3, 600, 4)]
    [InlineData(3, 1000, 6)]
    [InlineData(2, 2000, 6)]
    [InlineData(4, 5000, 8)]
    [InlineData(8, 5000, 10)]
    public void The_size_follows_the_load_within_rates_and_bounds(int replicas, int milli, int size)
    {
        _cluster.With(New());
        Pods(Enumerable.Repeat((int?)milli, replicas).ToArray());

        Look();

        Assert.Equal(size, Size);
    }

    [Fact]
    public void A_change_of_size_is_told()
    {
        _cluster.With(New());
        Pods(1000, 1000);

        Look();

        Assert.Contains("Normal SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target",
            _cluster.Events);
        Assert.Equal((2, 4, _cluster.Now), (Scaler.Status.CurrentReplicas, Scaler.Status.DesiredReplicas, Scaler.Status.LastScaleTime));
        Assert.Equal(("True", "SucceededRescale"), (Condition("AbleToScale").Status, Condition("AbleToScale").Reason));
        Assert.Equal(("True", "ValidMetricFound"), (Condition("ScalingActive").Status, Condition("ScalingActive").Reason));
        Assert.Equal(("False", "DesiredWithinRange"), (Condition("ScalingLimited").Status, Condition("ScalingLimited").Reason));
        Assert.Equal(100, Scaler.Status.CurrentMetrics![0].Resource!.Current!.AverageUtilization);
    }

    [Fact]
    public void It_shrinks_only_when_the_load_was_low_for_five_minutes()
    {
        _cluster.With(New());
        Pods(500, 500, 500, 500);
        Look();

        for (int seconds = 0; seconds < 300; seconds += 15)
        {
            Pods(100, 100, 100, 100);
            _cluster.Now += TimeSpan.FromSeconds(15);
            if (seconds < 270)
            {
                Look();
                Assert.Equal(4, Size);
                Assert.Equal("ScaleDownStabilized", Condition("AbleToScale").Reason);
            }
        }
        _cluster.Now += TimeSpan.FromSeconds(15);
        Look();

        Assert.Equal(1, Size);
        Assert.Contains("Normal SuccessfulRescale New size: 1; reason: All metrics below target", _cluster.Events);
    }

    [Fact]
    public void Pods_without_figures_count_as_idle_when_the_load_is_high()
    {
        _cluster.With(New());
        Pods(1000, null, null, null);

        Look();

        // 1000 of 4 x 500: half the target; no pod more, and since the direction turned, none less.
        Assert.Equal(4, Size);
    }

    [Fact]
    public void Pods_that_just_start_count_as_idle_when_the_load_is_high()
    {
        _cluster.With(New());
        Pods(2000, 2000, 2000);
        _cluster.Change<Pod>(Make.Ns, "p2", pod =>
        {
            pod.Status.StartTime = _cluster.Now.AddSeconds(-20);
            pod.NotReady();
        });

        Look();

        // 4000 over three pods of 500 each: 2.67 times the target, 8 pods; the rate allows four more than three.
        Assert.Equal(7, Size);
        Assert.Equal("True", Condition("ScalingActive").Status);
    }

    [Fact]
    public void Without_figures_nothing_is_done_and_the_reason_is_told()
    {
        _cluster.With(New());
        Pods(null, null);

        Look();

        Assert.Equal(2, Size);
        Assert.Equal(("False", "FailedGetResourceMetric", "the HPA was unable to compute the replica count: failed to get cpu utilization: "
                + "unable to get metrics for resource cpu: no metrics returned from resource metrics API"),
            (Condition("ScalingActive").Status, Condition("ScalingActive").Reason, Condition("ScalingActive").Message));
    }

    [Fact]
    public void A_container_without_a_request_cannot_be_reckoned()
    {
        _cluster.With(New());
        Pods(100);
        _cluster.Change<Pod>(Make.Ns, "p0", pod => pod.Spec.Containers![0].Resources = null);

        Look();

        Assert.Contains("missing request for cpu in container main of Pod p0", Condition("ScalingActive").Message);
    }

    [Fact]
    public void A_target_of_size_nought_is_left_alone()
    {
        _cluster.With(New(), Make.Deployment(replicas: 0));

        Look();

        Assert.Equal(0, Size);
        Assert.Equal("ScalingDisabled", Condition("ScalingActive").Reason);
    }

    [Theory]
    [InlineData(20, 10, "Current number of replicas above Spec.MaxReplicas")]
    [InlineData(1, 3, "Current number of replicas below Spec.MinReplicas")]
    public void A_size_out_of_bounds_is_put_right(int size, int expected, string reason)
    {
        _cluster.With(New(spec => spec.MinReplicas = 3), Make.Deployment(replicas: size));

        Look();

        Assert.Equal(expected, Size);
        Assert.Contains($"Normal SuccessfulRescale New size: {expected}; reason: {reason}", _cluster.Events);
    }

    [Fact]
    public void Behavior_may_forbid_to_shrink_and_slow_down_growth()
    {
        _cluster.With(New(spec => spec.Behavior = new HorizontalPodAutoscalerBehavior
        {
            ScaleUp = new HPAScalingRules { Policies = [new HPAScalingPolicy { Type = "Pods", Value = 1, PeriodSeconds = 60 }] },
            ScaleDown = new HPAScalingRules { SelectPolicy = "Disabled", StabilizationWindowSeconds = 0 },
        }));
        Pods(2000, 2000);

        Look();
        Assert.Equal(3, Size);
        Assert.Equal("ScaleUpLimit", Condition("ScalingLimited").Reason);
        Pods(2000, 2000, 2000);
        _cluster.Now += TimeSpan.FromSeconds(15);
        Look();
        Assert.Equal(3, Size);
        Pods(1, 1, 1);
        _cluster.Now += TimeSpan.FromSeconds(60);
        Look();

        Assert.Equal(3, Size);
    }

    [Fact]
    public void A_refused_change_of_size_is_told_and_tried_again()
    {
        _cluster.With(New());
        Pods(1000, 1000);
        _cluster.Refusal = intent => intent is Patch ? Make.Refused("Forbidden", "no scaling today") : null;
        Look();
        _cluster.Refusal = _ => null;

        _memory = _cluster.Reconcile(PodAutoscalerController.Description, Key, _memory, _cluster.Failures).Memory;
        Assert.Equal(("False", "FailedUpdateScale", "the HPA controller was unable to update the target scale: no scaling today"),
            (Condition("AbleToScale").Status, Condition("AbleToScale").Reason, Condition("AbleToScale").Message));
        Assert.Equal(2, Size);
        Look();

        Assert.Equal(4, Size);
    }

    [Fact]
    public void A_missing_target_is_told()
    {
        _cluster.With(New());

        Look();

        Assert.Equal(("False", "FailedGetScale"), (Condition("AbleToScale").Status, Condition("AbleToScale").Reason));
    }
}
