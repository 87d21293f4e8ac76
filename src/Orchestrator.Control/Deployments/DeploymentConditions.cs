namespace Orchestrator.Control.Deployments;

/// <summary>The conditions of a Deployment's status.</summary>
internal static class DeploymentConditions
{
    public const string Available = "Available";
    public const string Progressing = "Progressing";
    public const string ReplicaFailure = "ReplicaFailure";

    public const string NewReplicaSetCreated = "NewReplicaSetCreated";
    public const string FoundNewReplicaSet = "FoundNewReplicaSet";
    public const string ReplicaSetUpdated = "ReplicaSetUpdated";
    public const string ReplicaSetCreateError = "ReplicaSetCreateError";
    public const string NewReplicaSetAvailable = "NewReplicaSetAvailable";
    public const string ProgressDeadlineExceeded = "ProgressDeadlineExceeded";
    public const string DeploymentPaused = "DeploymentPaused";
    public const string DeploymentResumed = "DeploymentResumed";

    public static DeploymentCondition? Find(DeploymentStatus status, string type) =>
        status.Conditions.OrEmpty().FirstOrDefault(condition => condition.Type == type);

    public static DeploymentCondition Make(string type, string status, string reason, string message, DateTimeOffset now) => new()
    {
        Type = type,
        Status = status,
        Reason = reason,
        Message = message,
        LastUpdateTime = now,
        LastTransitionTime = now,
    };

    /// <summary>Puts a condition in, unless it says what stands there already (status and reason).</summary>
    public static void Set(DeploymentStatus status, DeploymentCondition condition)
    {
        var former = Find(status, condition.Type ?? "");
        if (former is not null && former.Status == condition.Status && former.Reason == condition.Reason)
            return;
        if (former is not null && former.Status == condition.Status)
            condition.LastTransitionTime = former.LastTransitionTime;
        Remove(status, condition.Type ?? "");
        status.Conditions = [.. status.Conditions.OrEmpty(), condition];
    }

    public static void Remove(DeploymentStatus status, string type)
    {
        var left = status.Conditions.OrEmpty().Where(condition => condition.Type != type).ToList();
        status.Conditions = left.Count == 0 ? null : left;
    }
}
