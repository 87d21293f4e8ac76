namespace Orchestrator.Control.Deployments;

/// <summary>How far a rolling update may go above and below the wanted number of pods.</summary>
/// <remarks>Surge is rounded up, unavailable down; when both would be nought, nothing could ever move, so one may be
/// unavailable.</remarks>
public readonly record struct RolloutBounds(int MaxSurge, int MaxUnavailable)
{
    public static RolloutBounds Of(DeploymentSpec spec)
    {
        int replicas = spec.Replicas ?? 1;
        if (!IsRolling(spec))
            return default;
        var (surge, unavailable) = Resolve(
            spec.Strategy?.RollingUpdate?.MaxSurge ?? IntOrString.FromString("25%"),
            spec.Strategy?.RollingUpdate?.MaxUnavailable ?? IntOrString.FromString("25%"), replicas);
        return new(surge, replicas == 0 ? 0 : Math.Min(unavailable, replicas));
    }

    public static (int Surge, int Unavailable) Resolve(IntOrString maxSurge, IntOrString maxUnavailable, int replicas)
    {
        int surge = maxSurge.Scaled(replicas, roundUp: true);
        int unavailable = maxUnavailable.Scaled(replicas, roundUp: false);
        return surge == 0 && unavailable == 0 ? (0, 1) : (surge, unavailable);
    }

    public static bool IsRolling(DeploymentSpec spec) => spec.Strategy?.Type is null or "RollingUpdate";
}
