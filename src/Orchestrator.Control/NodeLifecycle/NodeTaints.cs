namespace Orchestrator.Control.NodeLifecycle;

/// <summary>The taints by which the control plane keeps pods off nodes.</summary>
public static class NodeTaints
{
    public const string NotReady = "node.kubernetes.io/not-ready";
    public const string Unreachable = "node.kubernetes.io/unreachable";
    public const string MemoryPressure = "node.kubernetes.io/memory-pressure";
    public const string DiskPressure = "node.kubernetes.io/disk-pressure";
    public const string PidPressure = "node.kubernetes.io/pid-pressure";
    public const string NetworkUnavailable = "node.kubernetes.io/network-unavailable";
    public const string Unschedulable = "node.kubernetes.io/unschedulable";
    public const string OutOfService = "node.kubernetes.io/out-of-service";

    public const string NoSchedule = "NoSchedule";
    public const string NoExecute = "NoExecute";

    private static readonly HashSet<string> OfConditions =
        [NotReady, Unreachable, MemoryPressure, DiskPressure, PidPressure, NetworkUnavailable, Unschedulable];

    /// <summary>The NoSchedule taints that a node's conditions and its spec ask for.</summary>
    public static List<string> WantedNoSchedule(Node node)
    {
        var keys = new List<string>();
        foreach (var condition in node.Status.Conditions.OrEmpty())
        {
            string? key = (condition.Type, condition.Status) switch
            {
                ("Ready", "False") => NotReady,
                ("Ready", "Unknown") => Unreachable,
                ("MemoryPressure", "True") => MemoryPressure,
                ("DiskPressure", "True") => DiskPressure,
                ("PIDPressure", "True") => PidPressure,
                ("NetworkUnavailable", "True") => NetworkUnavailable,
                _ => null,
            };
            if (key is not null)
                keys.Add(key);
        }
        if (node.Spec.Unschedulable == true)
            keys.Add(Unschedulable);
        return keys;
    }

    /// <summary>The taints of a node with the NoSchedule ones as its conditions ask; null if they are so already.</summary>
    public static List<Taint>? WithNoSchedule(Node node, DateTimeOffset now)
    {
        var wanted = WantedNoSchedule(node);
        var taints = node.Spec.Taints.OrEmpty();
        var kept = taints.Where(taint => taint.Effect != NoSchedule || !OfConditions.Contains(taint.Key ?? "")
            || wanted.Contains(taint.Key!)).ToList();
        var missing = wanted.Where(key => !kept.Any(taint => taint.Key == key && taint.Effect == NoSchedule)).ToList();
        if (missing.Count == 0 && kept.Count == taints.Count)
            return null;
        return [.. kept, .. missing.Select(key => new Taint { Key = key, Effect = NoSchedule, TimeAdded = now })];
    }

    /// <summary>The taints of a node with this NoExecute one of the two that tell of a node that is not ready, or neither;
    /// null if they are so already.</summary>
    public static List<Taint>? WithNoExecute(Node node, string? wanted, DateTimeOffset now)
    {
        var taints = node.Spec.Taints.OrEmpty();
        var kept = taints.Where(taint => taint.Effect != NoExecute || taint.Key is not (NotReady or Unreachable)
            || taint.Key == wanted).ToList();
        bool isThere = wanted is null || kept.Any(taint => taint.Key == wanted && taint.Effect == NoExecute);
        if (isThere && kept.Count == taints.Count)
            return null;
        return isThere ? kept : [.. kept, new Taint { Key = wanted, Effect = NoExecute, TimeAdded = now }];
    }

    // An empty effect or, with Exists, an empty key means all of them.
    public static bool Tolerates(Toleration toleration, Taint taint)
    {
        if (!string.IsNullOrEmpty(toleration.Effect) && toleration.Effect != taint.Effect)
            return false;
        if (!string.IsNullOrEmpty(toleration.Key) && toleration.Key != taint.Key)
            return false;
        return toleration.Operator switch
        {
            "Exists" => true,
            null or "" or "Equal" => !string.IsNullOrEmpty(toleration.Key) && (toleration.Value ?? "") == (taint.Value ?? ""),
            _ => false,
        };
    }

    public static bool IsTolerated(Taint taint, IEnumerable<Toleration> tolerations) =>
        tolerations.Any(toleration => Tolerates(toleration, taint));
}
