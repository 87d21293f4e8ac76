using Orchestrator.Control.NodeLifecycle;

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
            if (NodeTaints.Tolerates(toleration, taint))
                return true;
        }
        return false;
    }
}
