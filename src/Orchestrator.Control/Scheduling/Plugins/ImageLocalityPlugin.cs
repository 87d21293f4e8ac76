using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Nodes that have the pod's images already are better; an image that few have counts less, lest they draw all pods.</summary>
internal sealed class ImageLocalityPlugin : IScorePlugin
{
    private const long Megabyte = 1024 * 1024;
    private const long Least = 23 * Megabyte;
    private const long MostPerContainer = 1000 * Megabyte;

    private readonly List<(ImageTable.Image Image, long Share)> _images = [];

    public string Name => "ImageLocality";

    public bool Score(PodInfo pod, ClusterState cluster, ReadOnlySpan<NodeInfo> nodes, Span<long> scores)
    {
        if (cluster.Images.IsEmpty)
            return false;
        _images.Clear();
        int nodeCount = cluster.Order.Length;
        foreach (string name in pod.Images)
        {
            if (cluster.Images.Find(name) is { } image)
                _images.Add((image, (long)(image.SizeBytes * ((double)image.Slots.Count / nodeCount))));
        }
        if (_images.Count == 0)
            return false;
        for (int i = 0; i < nodes.Length; i++)
            scores[i] = ToScore(Sum(nodes[i].Slot), pod.Images.Length);
        return true;
    }

    private long Sum(int slot)
    {
        long sum = 0;
        foreach (var (image, share) in _images)
        {
            if (image.Slots.Contains(slot))
                sum += share;
        }
        return sum;
    }

    private static long ToScore(long sum, int containerCount)
    {
        long most = MostPerContainer * containerCount;
        return IScorePlugin.MaxScore * (Math.Clamp(sum, Least, most) - Least) / (most - Least);
    }
}
