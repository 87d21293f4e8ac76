using Orchestrator.Api.AutoscalingV2;
using Orchestrator.Api.MetricsV1beta1;

namespace Orchestrator.Control.Autoscaling;

/// <summary>One look at one autoscaler.</summary>
internal sealed class AutoscalerLook(HorizontalPodAutoscaler scaler, ReconcileInput input)
{
    private readonly HorizontalPodAutoscaler _changed = scaler.DeepClone();
    private readonly List<Intent> _intents = [];
    private ScalingHistory _history = input.Memory as ScalingHistory ?? ScalingHistory.Empty;

    private HorizontalPodAutoscalerStatus Status => _changed.Status;

    private int Min => scaler.Spec.MinReplicas ?? 1;

    private int Max => scaler.Spec.MaxReplicas ?? 1;

    public Decision Decide()
    {
        Status.ObservedGeneration = scaler.Metadata.Generation;
        if (ScaleTarget.Find(scaler, input.Cache) is { } target)
            Scale(target);
        else
            TargetMissing();
        if (!Status.DeepEquals(scaler.Status))
            _intents.Add(Update.Status(_changed));
        return new Decision
        {
            Intents = _intents, RequeueAt = input.Now + PodAutoscalerController.SyncPeriod, Memory = _history,
        };
    }

    private void TargetMissing()
    {
        var reference = scaler.Spec.ScaleTargetRef;
        string resource = $"{reference?.Kind?.ToLowerInvariant()}s.{reference?.ApiVersion?.Split('/')[0]}";
        string text = $"{resource} \"{reference?.Name}\" not found";
        Warn("FailedGetScale", text);
        Set("AbleToScale", "False", "FailedGetScale",
            $"the HPA controller was unable to get the target's current scale: {text}");
    }

    private void Scale(ScaleTarget target)
    {
        int current = target.SpecReplicas;
        Set("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale");
        if (input.Failures.FirstOrDefault(failure => failure.Intent is Patch { Subresource: "scale" }) is { } failed)
        {
            // The change that was remembered did not happen.
            _history = _history.WithoutLastChange();
            Set("AbleToScale", "False", "FailedUpdateScale",
                $"the HPA controller was unable to update the target scale: {failed.Status.Message}");
            Status.LastScaleTime = scaler.Status.LastScaleTime;
            return;
        }
        if (_history.Recommendations.Count == 0)
            _history = _history.Recommend(current, input.Now);
        string reason = "";
        int desired;
        if (current == 0 && Min != 0)
        {
            desired = 0;
            Set("ScalingActive", "False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero");
        }
        else if (current > Max)
            (desired, reason) = (Max, "Current number of replicas above Spec.MaxReplicas");
        else if (current < Min)
            (desired, reason) = (Min, "Current number of replicas below Spec.MinReplicas");
        else if (ByMetrics(target, out string metric) is { } wanted)
        {
            reason = wanted > current ? $"{metric} above target" : wanted < current ? "All metrics below target" : "";
            desired = Restrain(current, wanted);
        }
        else
        {
            Status.CurrentReplicas = current;
            return;
        }
        if (desired != current)
            Resize(target, desired, reason);
        Status.CurrentReplicas = current;
        Status.DesiredReplicas = desired;
    }

    private int Restrain(int current, int wanted)
    {
        _history = _history.Recommend(wanted, input.Now);
        var behavior = new ScalingBehavior(scaler.Spec, _history, input.Now);
        var (stable, reason, message) = behavior.Stabilize(current, wanted);
        Set("AbleToScale", "True", reason, message);
        var (limited, isLimited, limitReason, limitMessage) = behavior.Limit(current, stable, Min);
        Set("ScalingLimited", isLimited ? "True" : "False", limitReason, limitMessage);
        return limited;
    }

    private void Resize(ScaleTarget target, int desired, string reason)
    {
        _intents.Add(new Patch(ObjectRef.To(target.Object), PatchType.Merge, $$$"""{"spec":{"replicas":{{{desired}}}}}""", "scale")
        {
            OnSuccess = EventNote.About(scaler, "SuccessfulRescale", $"New size: {desired}; reason: {reason}"),
            OnFailure = EventNote.WarningAbout(scaler, "FailedRescale", $"New size: {desired}; reason: {reason}; error: {{error}}"),
        });
        Set("AbleToScale", "True", "SucceededRescale", $"the HPA controller was able to update the target scale to {desired}");
        Status.LastScaleTime = input.Now;
        _history = _history.Change(desired - target.SpecReplicas, input.Now);
    }

    /// <summary>The most that any metric asks for; null when none can be had, or one cannot and the others would shrink.</summary>
    private int? ByMetrics(ScaleTarget target, out string metricName)
    {
        metricName = "";
        int? most = null;
        (string Reason, string Message)? failure = null;
        var statuses = new List<MetricStatus>();
        var pods = input.Cache.List<Pod>(scaler.Namespace).Where(pod => target.Selector.Matches(pod.Labels)).ToList();
        var names = pods.Select(pod => pod.Name).ToHashSet();
        var metrics = input.Cache.List<PodMetrics>(scaler.Namespace).Where(metric => names.Contains(metric.Name)).ToList();
        var calculator = new ReplicaCalculator(pods, metrics, input.Now);
        foreach (var metric in scaler.Spec.Metrics.OrEmpty())
        {
            try
            {
                var (replicas, name, status) = Calculate(calculator, target.SpecReplicas, metric);
                statuses.Add(status);
                if (most is null || replicas > most)
                    (most, metricName) = (replicas, name);
            }
            catch (MetricsException e)
            {
                string reason = $"FailedGet{metric.Type}Metric";
                failure ??= (reason, e.Message);
                Warn(reason, e.Message);
            }
        }
        if (statuses.Count > 0)
            Status.CurrentMetrics = statuses;
        if (failure is { } failed && (most is null || most < target.SpecReplicas))
        {
            Set("ScalingActive", "False", failed.Reason, $"the HPA was unable to compute the replica count: {failed.Message}");
            Warn("FailedComputeMetricsReplicas", $"invalid metrics (1 invalid out of {scaler.Spec.Metrics.OrEmpty().Count}), "
                + $"first error is: {failed.Message}");
            return null;
        }
        if (most is not null)
        {
            Set("ScalingActive", "True", "ValidMetricFound",
                $"the HPA was able to successfully calculate a replica count from {metricName}");
        }
        return most;
    }

    private static (int Replicas, string Name, MetricStatus Status) Calculate(
        ReplicaCalculator calculator, int current, MetricSpec metric)
    {
        var (resource, container, target) = metric.Type switch
        {
            "Resource" => (metric.Resource?.Name, null as string, metric.Resource?.Target),
            "ContainerResource" => (metric.ContainerResource?.Name, metric.ContainerResource?.Container, metric.ContainerResource?.Target),
            // Only what the nodes measure is there; nobody serves the other metrics APIs.
            "External" => throw new MetricsException("unable to fetch metrics from external metrics API: "
                + "no external metrics API (external.metrics.k8s.io) registered"),
            _ => throw new MetricsException("unable to fetch metrics from custom metrics API: "
                + "no custom metrics API (custom.metrics.k8s.io) registered"),
        };
        resource ??= "";
        string kind = container is null ? $"{resource} resource" : $"{resource} container resource";
        ReplicaCalculator.Proposal proposal;
        string name;
        try
        {
            if (target?.AverageValue is { } average)
            {
                proposal = calculator.ByAverage(current, resource, container, average.MilliValue);
                name = kind;
            }
            else if (target?.AverageUtilization is { } percent)
            {
                proposal = calculator.ByUtilization(current, resource, container, percent);
                name = $"{kind} utilization (percentage of request)";
            }
            else
                throw new MetricsException("invalid resource metric source: neither an average utilization nor an average value was set");
        }
        catch (MetricsException e)
        {
            throw new MetricsException($"failed to get {resource} utilization: {e.Message}");
        }
        var value = new MetricValueStatus
        {
            AverageUtilization = proposal.Utilization,
            AverageValue = Quantity.FromMilli(proposal.AverageMilli),
        };
        return (proposal.Replicas, name, container is null
            ? new MetricStatus { Type = "Resource", Resource = new ResourceMetricStatus { Name = resource, Current = value } }
            : new MetricStatus
            {
                Type = "ContainerResource",
                ContainerResource = new ContainerResourceMetricStatus { Name = resource, Container = container, Current = value },
            });
    }

    private void Warn(string reason, string message) =>
        _intents.Add(new EmitEvent(EventNote.WarningAbout(scaler, reason, message)));

    private void Set(string type, string status, string reason, string message)
    {
        var conditions = Status.Conditions ??= [];
        var condition = conditions.FirstOrDefault(c => c.Type == type);
        if (condition is null)
            conditions.Add(condition = new HorizontalPodAutoscalerCondition { Type = type });
        if (condition.Status != status)
            condition.LastTransitionTime = input.Now;
        condition.Status = status;
        condition.Reason = reason;
        condition.Message = message;
    }
}
