namespace Orchestrator.Control.NodeIpam;

/// <summary>Gives each node its own ranges of pod addresses.</summary>
public static class NodeIpamController
{
    /// <param name="clusterBlocks">The cluster's ranges, one for each address family, and the size of a node's share.</param>
    public static ControllerDescription Describe(IReadOnlyList<(CidrBlock Cluster, int NodePrefixLength)> clusterBlocks) => new()
    {
        Name = "cidrAllocator",
        Reconcile = input => Reconcile(input, clusterBlocks),
        // Two nodes must not be given the same range.
        IsSerial = true,
        Workers = 1,
        Watches = [Watch.On<Node>(static (_, after, _) => after is null || HasRange(after) ? [] : [after.Key])],
    };

    private static bool HasRange(Node node) => !string.IsNullOrEmpty(node.Spec.PodCIDR);

    public static Decision Reconcile(ReconcileInput input, IReadOnlyList<(CidrBlock Cluster, int NodePrefixLength)> clusterBlocks)
    {
        if (input.Cache.Get<Node>("", input.Key.Name) is not { IsBeingDeleted: false } node || HasRange(node))
            return Decision.Nothing;
        var taken = input.Cache.List<Node>().SelectMany(RangesOf).ToList();
        var free = new List<string>();
        foreach (var (cluster, prefixLength) in clusterBlocks)
        {
            if (FirstFree(cluster, prefixLength, taken) is not { } block)
            {
                return new Decision
                {
                    Intents = [new EmitEvent(EventNote.About(
                        node, "CIDRNotAvailable", $"Node {node.Name} status is now: CIDRNotAvailable"))],
                    RetryWithBackoff = true,
                };
            }
            free.Add(block.ToString());
        }
        var changed = node.DeepClone();
        changed.Spec.PodCIDR = free[0];
        changed.Spec.PodCIDRs = free;
        return Decision.Of(new Update(changed));
    }

    private static IEnumerable<CidrBlock> RangesOf(Node node)
    {
        var texts = node.Spec.PodCIDRs is { Count: > 0 } several ? several
            : HasRange(node) ? [node.Spec.PodCIDR!] : [];
        return texts.Select(CidrBlock.Parse);
    }

    private static CidrBlock? FirstFree(CidrBlock cluster, int prefixLength, List<CidrBlock> taken)
    {
        var inside = taken.Where(cluster.Overlaps).ToList();
        var sameSize = inside.Where(block => block.PrefixLength == prefixLength).ToHashSet();
        var others = inside.Where(block => block.PrefixLength != prefixLength).ToList();
        for (long i = 0; i < cluster.CountOf(prefixLength); i++)
        {
            var block = cluster.Part(prefixLength, i);
            if (!sameSize.Contains(block) && !others.Any(block.Overlaps))
                return block;
        }
        return null;
    }
}
