namespace Orchestrator.Control.Scheduling.Matching;

/// <summary>Which taints a pod bears.</summary>
internal static class TolerationRules
{
    public const string NoSchedule = "NoSchedule";
    public const string PreferNoSchedule = "PreferNoSchedule";
    public const string NoExecute = "NoExecute";

    public static bool Tolerates(List<Toleration>? tolerations, Taint taint)
    {
        if (tolerations is null)
            return false;
        foreach (var toleration in tolerations)
        {
            if (Tolerates(toleration, taint))
                return true;
        }
        return false;
    }

    // An empty effect or, with Exists, an empty key means all of them.
    private static bool Tolerates(Toleration toleration, Taint taint)
    {
        if (!string.IsNullOrEmpty(toleration.Effect) && toleration.Effect != taint.Effect)
            return false;
        if (!string.IsNullOrEmpty(toleration.Key) && toleration.Key != taint.Key)
            return false;
        return toleration.Operator switch
        {
            null or "" or "Equal" => (toleration.Value ?? "") == (taint.Value ?? "") && !string.IsNullOrEmpty(toleration.Key),
            "Exists" => true,
            _ => false,
        };
    }
}
