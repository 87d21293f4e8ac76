namespace Orchestrator.Control.Deployments;

/// <summary>The arithmetic by which a Deployment sizes its ReplicaSets.</summary>
internal static class DeploymentScaling
{
    /// <summary>One step of a rolling update: the new set grows into the surge, or old ones shrink by what may be missing.
    /// Both at once would count the same room twice.</summary>
    public static void Roll(ReplicaSetFleet fleet)
    {
        var newSet = fleet.New!;
        int size = fleet.Size(newSet);
        int wanted = size > fleet.Desired ? fleet.Desired : size == fleet.Desired ? size : fleet.NewSize(size);
        if (wanted != size)
        {
            fleet.Scale(newSet, wanted);
            return;
        }
        ShrinkOld(fleet, newSet);
    }

    private static void ShrinkOld(ReplicaSetFleet fleet, ReplicaSet newSet)
    {
        var old = fleet.ActiveOld.ToList();
        if (old.Count == 0)
            return;
        int minAvailable = fleet.Desired - fleet.Bounds.MaxUnavailable;
        int newUnavailable = fleet.Size(newSet) - (newSet.Status.AvailableReplicas ?? 0);
        int budget = fleet.TotalSize - minAvailable - newUnavailable;
        if (budget <= 0)
            return;
        // First the pods that serve nobody: they cost no availability.
        int removed = 0;
        foreach (var set in old)
        {
            int unhealthy = fleet.Size(set) - (set.Status.AvailableReplicas ?? 0);
            int step = Math.Min(budget - removed, unhealthy);
            if (step <= 0)
                continue;
            fleet.Scale(set, fleet.Size(set) - step);
            removed += step;
        }
        int spare = fleet.ByAge.Sum(set => set.Status.AvailableReplicas ?? 0) - minAvailable;
        foreach (var set in old)
        {
            int step = Math.Min(spare, fleet.Size(set));
            if (step <= 0)
                continue;
            fleet.Scale(set, fleet.Size(set) - step);
            spare -= step;
        }
    }

    /// <summary>Scales outside a rollout step: the Deployment's size changed, or it is paused.</summary>
    public static void Spread(ReplicaSetFleet fleet, Deployment deployment)
    {
        if (TryFindOnly(fleet, out var only))
        {
            // Also where the size is right already: what is noted on the set must say so, or the deployment would count as
            // being scaled for ever and never roll on.
            if (only is not null)
                fleet.Scale(only, fleet.Desired);
            return;
        }
        if (IsSaturated(fleet))
        {
            foreach (var set in fleet.ActiveOld.ToList())
                fleet.Scale(set, 0);
            return;
        }
        if (RolloutBounds.IsRolling(deployment.Spec))
            SpreadInProportion(fleet, deployment);
    }

    /// <summary>The one set that has pods; when none has, the new one or else the youngest. False when several have pods.</summary>
    private static bool TryFindOnly(ReplicaSetFleet fleet, out ReplicaSet? only)
    {
        var active = fleet.ByAge.Where(set => fleet.Size(set) > 0).ToList();
        only = active.Count == 1 ? active[0] : fleet.New ?? fleet.Old.LastOrDefault();
        return active.Count <= 1;
    }

    /// <summary>Whether the new set does the whole work, as far as it is written on it.</summary>
    private static bool IsSaturated(ReplicaSetFleet fleet) =>
        fleet.New is { } set && ReplicaSetAnnotations.DesiredReplicasOf(set) == fleet.Desired
        && fleet.Size(set) == fleet.Desired && (set.Status.AvailableReplicas ?? 0) == fleet.Desired;

    /// <summary>In the midst of a rollout each set grows or shrinks by its share, so that a scaled rollout risks no more than an
    /// unscaled one. What rounding leaves goes to the largest set.</summary>
    private static void SpreadInProportion(ReplicaSetFleet fleet, Deployment deployment)
    {
        var active = fleet.ByAge.Where(set => fleet.Size(set) > 0).ToList();
        int allowed = fleet.Desired > 0 ? fleet.Desired + fleet.Bounds.MaxSurge : 0;
        int toAdd = allowed - active.Sum(fleet.Size);
        // Growing favours the newer of two equal sets, shrinking takes from the older one.
        var bySize = toAdd > 0
            ? active.OrderByDescending(fleet.Size).ThenByDescending(set => set.Metadata.CreationTimestamp).ToList()
            : active.OrderByDescending(fleet.Size).ThenBy(set => set.Metadata.CreationTimestamp).ToList();
        int added = 0;
        var sizes = new List<int>();
        foreach (var set in bySize)
        {
            int share = Share(fleet, deployment, set, toAdd, added);
            sizes.Add(fleet.Size(set) + share);
            added += share;
        }
        if (toAdd != 0 && sizes.Count > 0)
            sizes[0] = Math.Max(0, sizes[0] + toAdd - added);
        for (int i = 0; i < sizes.Count; i++)
            fleet.Scale(bySize[i], sizes[i]);
    }

    private static int Share(ReplicaSetFleet fleet, Deployment deployment, ReplicaSet set, int toAdd, int added)
    {
        int size = fleet.Size(set);
        if (size == 0 || toAdd == 0 || toAdd == added)
            return 0;
        int fraction = Fraction(fleet, deployment, set, size);
        return toAdd > 0 ? Math.Min(fraction, toAdd - added) : Math.Max(fraction, toAdd - added);
    }

    private static int Fraction(ReplicaSetFleet fleet, Deployment deployment, ReplicaSet set, int size)
    {
        if (fleet.Desired == 0)
            return -size;
        int maxBefore = ReplicaSetAnnotations.MaxReplicasOf(set) is { } annotated and > 0
            ? annotated : deployment.Status.Replicas ?? 0;
        if (maxBefore == 0)
            return 0;
        double share = (double)size * (fleet.Desired + fleet.Bounds.MaxSurge) / maxBefore;
        return (int)Math.Round(share, MidpointRounding.AwayFromZero) - size;
    }
}
