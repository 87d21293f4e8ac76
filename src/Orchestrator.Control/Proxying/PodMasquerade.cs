namespace Orchestrator.Control.Proxying;

/// <summary>Pods' addresses are known within the cluster alone: what leaves it goes under the node's own.</summary>
public static class PodMasquerade
{
    private const string SetName = "pod-cidrs";

    /// <summary>A table that does nothing else, for a node whose pods reach the world without the service proxy.</summary>
    /// <param name="podCidrs">Of any family; those of <paramref name="family"/> count.</param>
    public static NftTable Table(IpFamily family, string name, IEnumerable<string> podCidrs)
    {
        var table = new NftTable(family, name, "pods that send to the outside; written by orchestrator");
        var pods = new NftSet(SetName, $"type {family.AddressType()}; flags interval; comment \"the pod network\";", isMap: false);
        foreach (string range in family.Ranges(podCidrs))
            pods.Elements.Add(range, new NftElement());
        table.Add(pods);
        table.Add(new NftChain("nat-postrouting", [Rule(family, SetName)], "type nat hook postrouting priority 100"));
        return table;
    }

    internal static NftRule Rule(IpFamily family, string podCidrs)
    {
        string ip = family.Keyword();
        return new NftRule($"{ip} saddr @{podCidrs} {ip} daddr != @{podCidrs} masquerade fully-random", "from pods to the outside");
    }
}
