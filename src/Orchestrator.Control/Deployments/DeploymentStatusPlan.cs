namespace Orchestrator.Control.Deployments;

/// <summary>A Deployment's status as its ReplicaSets make it.</summary>
internal static class DeploymentStatusPlan
{
    public static DeploymentStatus Count(Deployment deployment, ReplicaSetFleet fleet)
    {
        var status = deployment.Status.DeepClone();
        // A set that this very decision makes has no pods yet, and sizes count as they will be written.
        int available = fleet.ByAge.Sum(set => set.Status.AvailableReplicas ?? 0);
        status.ObservedGeneration = deployment.Metadata.Generation;
        status.Replicas = NullIfZero(fleet.ByAge.Sum(set => set.Status.Replicas ?? 0));
        status.UpdatedReplicas = NullIfZero(fleet.New?.Status.Replicas ?? 0);
        status.ReadyReplicas = NullIfZero(fleet.ByAge.Sum(set => set.Status.ReadyReplicas ?? 0));
        status.AvailableReplicas = NullIfZero(available);
        status.UnavailableReplicas = NullIfZero(Math.Max(0, fleet.TotalSize - available));
        status.TerminatingReplicas = fleet.ByAge.Sum(set => set.Status.TerminatingReplicas ?? 0);
        return status;
    }

    public static void SetAvailability(Deployment deployment, DeploymentStatus status, ReplicaSetFleet fleet, DateTimeOffset now)
    {
        bool isAvailable = (status.AvailableReplicas ?? 0) >= fleet.Desired - fleet.Bounds.MaxUnavailable;
        DeploymentConditions.Set(status, isAvailable
            ? DeploymentConditions.Make(DeploymentConditions.Available, "True", "MinimumReplicasAvailable",
                "Deployment has minimum availability.", now)
            : DeploymentConditions.Make(DeploymentConditions.Available, "False", "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.", now));
    }

    /// <summary>Moves the Progressing condition on: complete, getting on, or stuck for too long.</summary>
    public static void SetProgress(Deployment deployment, DeploymentStatus status, ReplicaSetFleet fleet, DateTimeOffset now)
    {
        if (!HasDeadline(deployment))
        {
            DeploymentConditions.Remove(status, DeploymentConditions.Progressing);
            return;
        }
        var current = DeploymentConditions.Find(status, DeploymentConditions.Progressing);
        // A finished rollout stays finished, whatever happens to its pods later.
        if (status.Replicas == status.UpdatedReplicas && current?.Reason == DeploymentConditions.NewReplicaSetAvailable)
            return;
        string subject = fleet.New is { } set ? $"ReplicaSet \"{set.Name}\"" : $"Deployment \"{deployment.Name}\"";
        if (IsComplete(deployment, status))
        {
            DeploymentConditions.Set(status, DeploymentConditions.Make(DeploymentConditions.Progressing, "True",
                DeploymentConditions.NewReplicaSetAvailable, $"{subject} has successfully progressed.", now));
        }
        else if (IsGettingOn(deployment.Status, status))
        {
            // Each step forward renews lastUpdateTime, from which the deadline counts.
            var condition = DeploymentConditions.Make(DeploymentConditions.Progressing, "True",
                DeploymentConditions.ReplicaSetUpdated, $"{subject} is progressing.", now);
            if (current?.Status == "True")
                condition.LastTransitionTime = current.LastTransitionTime;
            DeploymentConditions.Remove(status, DeploymentConditions.Progressing);
            DeploymentConditions.Set(status, condition);
        }
        else if (current is not null && DeadlineOf(deployment, current) is { } deadline && deadline < now)
        {
            DeploymentConditions.Set(status, DeploymentConditions.Make(DeploymentConditions.Progressing, "False",
                DeploymentConditions.ProgressDeadlineExceeded, $"{subject} has timed out progressing.", now));
        }
    }

    /// <summary>Takes over what keeps a ReplicaSet from making pods; the new set's word goes before the old ones'.</summary>
    public static void SetFailure(DeploymentStatus status, ReplicaSetFleet fleet)
    {
        var failure = (fleet.New is null ? fleet.Old : fleet.Old.Prepend(fleet.New))
            .SelectMany(set => set.Status.Conditions.OrEmpty())
            .FirstOrDefault(condition => condition.Type == DeploymentConditions.ReplicaFailure);
        if (failure is null)
        {
            DeploymentConditions.Remove(status, DeploymentConditions.ReplicaFailure);
            return;
        }
        DeploymentConditions.Set(status, new DeploymentCondition
        {
            Type = DeploymentConditions.ReplicaFailure,
            Status = failure.Status,
            Reason = failure.Reason,
            Message = failure.Message,
            LastTransitionTime = failure.LastTransitionTime,
            LastUpdateTime = failure.LastTransitionTime,
        });
    }

    /// <summary>When a rollout that stands still must be looked at again; null if it need not.</summary>
    public static DateTimeOffset? NextLook(Deployment deployment, DeploymentStatus status, DateTimeOffset now)
    {
        var current = DeploymentConditions.Find(status, DeploymentConditions.Progressing);
        if (!HasDeadline(deployment) || current is null || IsComplete(deployment, status)
            || current.Reason is DeploymentConditions.ProgressDeadlineExceeded or DeploymentConditions.NewReplicaSetAvailable)
        {
            return null;
        }
        // Written times have whole seconds; one more makes sure that the deadline has really passed.
        var at = DeadlineOf(deployment, current)?.AddSeconds(1);
        return at is null || at > now ? at : now.AddSeconds(1);
    }

    public static bool IsComplete(Deployment deployment, DeploymentStatus status)
    {
        int desired = deployment.Spec.Replicas ?? 1;
        return (status.UpdatedReplicas ?? 0) == desired && (status.Replicas ?? 0) == desired
            && (status.AvailableReplicas ?? 0) == desired
            && (status.ObservedGeneration ?? 0) >= (deployment.Metadata.Generation ?? 0);
    }

    public static bool HasDeadline(Deployment deployment) =>
        deployment.Spec.ProgressDeadlineSeconds is { } seconds && seconds != int.MaxValue;

    private static bool IsGettingOn(DeploymentStatus before, DeploymentStatus after)
    {
        int oldBefore = (before.Replicas ?? 0) - (before.UpdatedReplicas ?? 0);
        int oldAfter = (after.Replicas ?? 0) - (after.UpdatedReplicas ?? 0);
        return (after.UpdatedReplicas ?? 0) > (before.UpdatedReplicas ?? 0) || oldAfter < oldBefore
            || (after.ReadyReplicas ?? 0) > (before.ReadyReplicas ?? 0)
            || (after.AvailableReplicas ?? 0) > (before.AvailableReplicas ?? 0);
    }

    private static DateTimeOffset? DeadlineOf(Deployment deployment, DeploymentCondition progressing) =>
        progressing.Reason == DeploymentConditions.NewReplicaSetAvailable ? null
        : progressing.LastUpdateTime?.AddSeconds(deployment.Spec.ProgressDeadlineSeconds ?? 600);

    private static int? NullIfZero(int count) => count == 0 ? null : count;
}
