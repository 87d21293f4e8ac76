using System.Globalization;

namespace Orchestrator.Control.Pods;

/// <summary>Which pods go first when there are too many: those that would be missed least.</summary>
/// <remarks>In turn: not on a node; Pending, then Unknown; not ready; lower pod-deletion-cost; more replicas beside it on its
/// node; ready for a shorter time; more restarts; younger. Times are compared by their order of magnitude (power of two), so
/// that among pods of about one age chance, by uid, decides and not always the newest zone loses its pods.</remarks>
public sealed class DeletionOrder(IReadOnlyDictionary<string, int> podsOnNode, DateTimeOffset now) : IComparer<Pod>
{
    public const string DeletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

    /// <summary>Orders by the spread of <paramref name="related"/> (active pods that serve the same purpose) over nodes.</summary>
    public static DeletionOrder AmidRelated(IEnumerable<Pod> related, DateTimeOffset now)
    {
        var counts = new Dictionary<string, int>();
        foreach (var pod in related)
        {
            if (pod.IsActive() && pod.Spec.NodeName is { Length: > 0 } node)
                counts[node] = counts.GetValueOrDefault(node) + 1;
        }
        return new DeletionOrder(counts, now);
    }

    /// <summary>The <paramref name="count"/> pods that go first.</summary>
    public IReadOnlyList<Pod> First(IReadOnlyList<Pod> pods, int count) =>
        count >= pods.Count ? pods : pods.Order(this).Take(count).ToList();

    public int Compare(Pod? x, Pod? y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        int order = x.IsScheduled().CompareTo(y.IsScheduled());
        if (order != 0)
            return order;
        order = PhaseRank(x).CompareTo(PhaseRank(y));
        if (order != 0)
            return order;
        order = x.IsReady().CompareTo(y.IsReady());
        if (order != 0)
            return order;
        order = DeletionCost(x).CompareTo(DeletionCost(y));
        if (order != 0)
            return order;
        order = Beside(y).CompareTo(Beside(x));
        if (order != 0)
            return order;
        return CompareAges(x, y);
    }

    private int CompareAges(Pod x, Pod y)
    {
        if (x.IsReady() && y.IsReady() && x.ReadySince() != y.ReadySince())
            return CompareTimes(x.ReadySince(), y.ReadySince(), x, y);
        int order = y.Restarts().CompareTo(x.Restarts());
        if (order != 0)
            return order;
        order = y.SidecarRestarts().CompareTo(x.SidecarRestarts());
        if (order != 0)
            return order;
        if (x.Metadata.CreationTimestamp != y.Metadata.CreationTimestamp)
            return CompareTimes(x.Metadata.CreationTimestamp, y.Metadata.CreationTimestamp, x, y);
        return string.CompareOrdinal(x.Uid, y.Uid);
    }

    private int CompareTimes(DateTimeOffset? x, DateTimeOffset? y, Pod podX, Pod podY)
    {
        // No time at all counts as just now.
        if (x is null || y is null)
            return (x is null ? 0 : 1).CompareTo(y is null ? 0 : 1);
        int order = Magnitude(now - x.Value).CompareTo(Magnitude(now - y.Value));
        return order != 0 ? order : string.CompareOrdinal(podX.Uid, podY.Uid);
    }

    private static int Magnitude(TimeSpan age) =>
        age <= TimeSpan.Zero ? -1 : (int)Math.Log2(age.TotalNanoseconds);

    private static int PhaseRank(Pod pod) => pod.Status.Phase switch
    {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };

    private static int DeletionCost(Pod pod) =>
        pod.Annotations.TryGetValue(DeletionCostAnnotation, out string? text)
        && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int cost) ? cost : 0;

    private int Beside(Pod pod) => podsOnNode.GetValueOrDefault(pod.Spec.NodeName ?? "");
}
