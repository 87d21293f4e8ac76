namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>The order in which nodes are looked at: one of each zone in turn, so that a sample of them has all zones.</summary>
internal static class NodeOrder
{
    private const string ZoneLabel = "topology.kubernetes.io/zone";
    private const string RegionLabel = "topology.kubernetes.io/region";

    public static NodeInfo[] Of(IEnumerable<NodeInfo> nodes)
    {
        var zones = new SortedDictionary<(string, string), List<NodeInfo>>();
        int count = 0;
        foreach (var node in nodes.OrderBy(node => node.Name, StringComparer.Ordinal))
        {
            var zone = ZoneOf(node.Labels);
            if (!zones.TryGetValue(zone, out var members))
                zones.Add(zone, members = []);
            members.Add(node);
            count++;
        }
        var order = new List<NodeInfo>(count);
        for (int round = 0; order.Count < count; round++)
        {
            foreach (var members in zones.Values)
            {
                if (round < members.Count)
                    order.Add(members[round]);
            }
        }
        return [.. order];
    }

    public static (string Region, string Zone) ZoneOf(Dictionary<string, string>? labels) => labels is null
        ? ("", "")
        : (labels.GetValueOrDefault(RegionLabel, ""), labels.GetValueOrDefault(ZoneLabel, ""));
}
