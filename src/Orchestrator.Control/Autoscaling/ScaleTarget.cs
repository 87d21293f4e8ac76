using Orchestrator.Api.AutoscalingV2;

namespace Orchestrator.Control.Autoscaling;

/// <summary>The workload that an autoscaler sizes.</summary>
internal sealed record ScaleTarget(IKubernetesObject Object, int SpecReplicas, int StatusReplicas, Selector Selector)
{
    /// <summary>Null if it is not there, or of a kind without a size.</summary>
    public static ScaleTarget? Find(HorizontalPodAutoscaler scaler, IObjectCache cache)
    {
        string name = scaler.Spec.ScaleTargetRef?.Name ?? "";
        string ns = scaler.Namespace;
        return (scaler.Spec.ScaleTargetRef?.Kind, scaler.Spec.ScaleTargetRef?.ApiVersion) switch
        {
            ("Deployment", "apps/v1" or null) when cache.Get<Deployment>(ns, name) is { } d => new ScaleTarget(
                d, d.Spec.Replicas ?? 1, d.Status.Replicas ?? 0, Selector.Of(d.Spec.Selector)),
            ("ReplicaSet", "apps/v1" or null) when cache.Get<ReplicaSet>(ns, name) is { } r => new ScaleTarget(
                r, r.Spec.Replicas ?? 1, r.Status.Replicas ?? 0, Selector.Of(r.Spec.Selector)),
            ("StatefulSet", "apps/v1" or null) when cache.Get<StatefulSet>(ns, name) is { } s => new ScaleTarget(
                s, s.Spec.Replicas ?? 1, s.Status.Replicas ?? 0, Selector.Of(s.Spec.Selector)),
            ("ReplicationController", "v1" or null) when cache.Get<ReplicationController>(ns, name) is { } c => new ScaleTarget(
                c, c.Spec.Replicas ?? 1, c.Status.Replicas ?? 0, Selector.Of(c.Spec.Selector.OrEmpty())),
            _ => null,
        };
    }
}
