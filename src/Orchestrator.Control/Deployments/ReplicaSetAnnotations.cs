using System.Globalization;

namespace Orchestrator.Control.Deployments;

/// <summary>What a Deployment writes on its ReplicaSets: which revision they are and what size they were meant for.</summary>
public static class ReplicaSetAnnotations
{
    public const string Revision = "deployment.kubernetes.io/revision";
    public const string RevisionHistory = "deployment.kubernetes.io/revision-history";
    public const string DesiredReplicas = "deployment.kubernetes.io/desired-replicas";
    public const string MaxReplicas = "deployment.kubernetes.io/max-replicas";

    /// <summary>The longest history of revisions, in characters; older ones fall off.</summary>
    private const int HistoryLimit = 2000;

    // Not taken over from the Deployment: its own, or meant for each set alone.
    private static readonly HashSet<string> Own =
    [
        "kubectl.kubernetes.io/last-applied-configuration", Revision, RevisionHistory, DesiredReplicas, MaxReplicas,
        "deprecated.deployment.rollback.to",
    ];

    public static long RevisionOf(IKubernetesObject target) => Number(target, Revision) ?? 0;

    public static int? DesiredReplicasOf(ReplicaSet set) => (int?)Number(set, DesiredReplicas);

    public static int? MaxReplicasOf(ReplicaSet set) => (int?)Number(set, MaxReplicas);

    /// <summary>Takes over the Deployment's annotations and makes the set the revision that is given, if it is a newer one.</summary>
    /// <returns>Whether anything changed.</returns>
    public static bool SyncFrom(Deployment deployment, ReplicaSet set, long revision)
    {
        var annotations = set.Metadata.Annotations ??= [];
        bool changed = false;
        foreach (var (key, value) in deployment.Annotations)
        {
            if (!Own.Contains(key) && annotations.GetValueOrDefault(key) != value)
            {
                annotations[key] = value;
                changed = true;
            }
        }
        long former = RevisionOf(set);
        if (former >= revision)
            return changed;
        bool hadOne = annotations.TryGetValue(Revision, out string? formerText) && former > 0;
        annotations[Revision] = Text(revision);
        if (hadOne)
            annotations[RevisionHistory] = Appended(annotations.GetValueOrDefault(RevisionHistory), formerText!);
        return true;
    }

    /// <summary>Notes the Deployment's wanted and greatest size on the set, by which it is scaled in proportion later.</summary>
    /// <returns>Whether anything changed.</returns>
    public static bool SetSize(ReplicaSet set, int desired, int max)
    {
        var annotations = set.Metadata.Annotations ??= [];
        bool changed = annotations.GetValueOrDefault(DesiredReplicas) != Text(desired)
            || annotations.GetValueOrDefault(MaxReplicas) != Text(max);
        annotations[DesiredReplicas] = Text(desired);
        annotations[MaxReplicas] = Text(max);
        return changed;
    }

    public static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Appended(string? history, string revision)
    {
        if (string.IsNullOrEmpty(history))
            return revision;
        string appended = $"{history},{revision}";
        while (appended.Length > HistoryLimit && appended.Contains(',', StringComparison.Ordinal))
            appended = appended[(appended.IndexOf(',', StringComparison.Ordinal) + 1)..];
        return appended;
    }

    private static long? Number(IKubernetesObject target, string annotation) =>
        target.Annotations.TryGetValue(annotation, out string? text)
        && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : null;
}
