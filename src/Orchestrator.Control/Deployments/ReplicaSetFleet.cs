using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.Deployments;

/// <summary>A Deployment's ReplicaSets while one decision is made: what they are, and what size each is to get.</summary>
/// <remarks>Sizes are changed here first and written once at the end, so that every set gets at most one update and its
/// event tells the whole step.</remarks>
internal sealed class ReplicaSetFleet
{
    private readonly Deployment _deployment;
    private readonly Dictionary<ReplicaSet, int> _sizes = [];
    private readonly HashSet<ReplicaSet> _resized = [];

    public ReplicaSetFleet(Deployment deployment, IReadOnlyList<ReplicaSet> owned)
    {
        _deployment = deployment;
        Bounds = RolloutBounds.Of(deployment.Spec);
        ByAge = owned.OrderBy(set => set.Metadata.CreationTimestamp).ThenBy(set => set.Name, StringComparer.Ordinal).ToList();
        var template = WithoutHash(deployment.Spec.Template);
        // Of several with the same template (made by a controller that saw a stale cache, say) the oldest is the new one.
        New = ByAge.FirstOrDefault(set => WithoutHash(set.Spec.Template).DeepEquals(template));
        Old = ByAge.Where(set => set != New).ToList();
        foreach (var set in ByAge)
            _sizes[set] = set.Spec.Replicas ?? 1;
    }

    public RolloutBounds Bounds { get; }

    public IReadOnlyList<ReplicaSet> ByAge { get; private set; }

    /// <summary>The set whose template is the Deployment's; null if there is none yet.</summary>
    public ReplicaSet? New { get; private set; }

    /// <summary>All others, oldest first.</summary>
    public IReadOnlyList<ReplicaSet> Old { get; }

    public int Desired => _deployment.Spec.Replicas ?? 1;

    public IEnumerable<ReplicaSet> ActiveOld => Old.Where(set => Size(set) > 0);

    public int TotalSize => _sizes.Values.Sum();

    public bool IsScaled { get; private set; }

    public int Size(ReplicaSet set) => _sizes[set];

    /// <summary>Adds the set that this decision makes.</summary>
    public void Add(ReplicaSet created)
    {
        New = created;
        ByAge = [.. ByAge, created];
        _sizes[created] = created.Spec.Replicas ?? 0;
    }

    /// <summary>Sets the size; where it is that already, only the size annotations are brought up to date.</summary>
    public void Scale(ReplicaSet set, int size)
    {
        IsScaled |= _sizes[set] != size;
        _sizes[set] = size;
        _resized.Add(set);
    }

    /// <summary>The size to which the new set may grow now.</summary>
    public int NewSize(int current)
    {
        if (!RolloutBounds.IsRolling(_deployment.Spec))
            return Desired;
        int room = Desired + Bounds.MaxSurge - TotalSize;
        return room <= 0 ? current : current + Math.Min(room, Desired - current);
    }

    /// <summary>The writes to the sets that were there before.</summary>
    /// <param name="syncNew">Changes the new set's annotations and the like; returns whether it changed anything.</param>
    public IEnumerable<Intent> Updates(Func<ReplicaSet, bool> syncNew)
    {
        foreach (var set in ByAge.Where(set => set.Uid.Length > 0))
        {
            var changed = set.DeepClone();
            int before = set.Spec.Replicas ?? 1;
            int after = _sizes[set];
            bool differs = set == New && syncNew(changed);
            if (_resized.Contains(set))
            {
                differs |= before != after;
                changed.Spec.Replicas = after;
                differs |= ReplicaSetAnnotations.SetSize(changed, Desired, Desired + Bounds.MaxSurge);
            }
            if (!differs)
                continue;
            yield return new Update(changed) { OnSuccess = before == after ? null : ScaledNote(set, before, after) };
        }
    }

    public static PodTemplateSpec WithoutHash(PodTemplateSpec template)
    {
        var copy = template.DeepClone();
        copy.Metadata.Labels?.Remove(TemplateHash.PodTemplateHashLabel);
        if (copy.Metadata.Labels is { Count: 0 })
            copy.Metadata.Labels = null;
        return copy;
    }

    public EventNote ScaledNote(ReplicaSet set, int before, int after) => EventNote.About(
        _deployment, "ScalingReplicaSet",
        $"Scaled {(before < after ? "up" : "down")} replica set {set.Name} from {before} to {after}");
}
