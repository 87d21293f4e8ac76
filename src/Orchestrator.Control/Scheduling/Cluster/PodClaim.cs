namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>A claim that a pod uses.</summary>
/// <param name="IsOwn">It is made for the pod alone, by the name of the pod and its volume.</param>
internal readonly record struct PodClaim(string Name, bool IsOwn)
{
    /// <summary>Each once, however many of the pod's volumes name it.</summary>
    public static PodClaim[] Of(Pod pod)
    {
        List<PodClaim>? claims = null;
        foreach (var volume in pod.Spec.Volumes.OrEmpty())
        {
            if (In(pod, volume) is { } claim && claims?.Contains(claim) != true)
                (claims ??= []).Add(claim);
        }
        return claims is null ? [] : [.. claims];
    }

    private static PodClaim? In(Pod pod, Volume volume)
    {
        if (volume.PersistentVolumeClaim?.ClaimName is { } name)
            return new PodClaim(name, IsOwn: false);
        return volume.Ephemeral is null ? null : new PodClaim($"{pod.Name}-{volume.Name}", IsOwn: true);
    }
}
