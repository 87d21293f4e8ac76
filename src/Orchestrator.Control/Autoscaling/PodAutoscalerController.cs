using Orchestrator.Api.AutoscalingV2;
using Orchestrator.Api.MetricsV1beta1;

namespace Orchestrator.Control.Autoscaling;

/// <summary>Sizes a workload by what its pods use.</summary>
public static class PodAutoscalerController
{
    public static readonly TimeSpan SyncPeriod = TimeSpan.FromSeconds(15);

    public static ControllerDescription Description { get; } = new()
    {
        Name = "horizontal-pod-autoscaler",
        Reconcile = Reconcile,
        Workers = 5,
        Watches =
        [
            // Its own status writes wake it no earlier than its time. Autoscalers have no generation.
            Watch.On<HorizontalPodAutoscaler>(static (before, after, _) =>
                after is not null && before?.Spec.DeepEquals(after.Spec) != true ? [after.Key] : []),
            Watch.Silent<Pod>(), Watch.Silent<Deployment>(), Watch.Silent<ReplicaSet>(), Watch.Silent<StatefulSet>(),
            Watch.Silent<ReplicationController>(),
        ],
        Polls = [new Poll(PodMetrics.StaticKind, SyncPeriod, static cache => cache.List<HorizontalPodAutoscaler>().Count > 0)],
    };

    public static Decision Reconcile(ReconcileInput input) =>
        input.Cache.Get<HorizontalPodAutoscaler>(input.Key.Namespace, input.Key.Name) is { IsBeingDeleted: false } scaler
            ? new AutoscalerLook(scaler, input).Decide() : Decision.Nothing;
}
