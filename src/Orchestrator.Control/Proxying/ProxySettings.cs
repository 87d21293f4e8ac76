namespace Orchestrator.Control.Proxying;

/// <summary>What the rules of a node depend on beside services and their endpoints.</summary>
public sealed record ProxySettings
{
    public const string DefaultTableName = "orchestrator-proxy";

    public IpFamily Family { get; init; } = IpFamily.IPv4;

    public string TableName { get; init; } = DefaultTableName;

    public required string NodeName { get; init; }

    /// <summary>Where node ports are open, of any family; none: at all addresses of the node but loopback.</summary>
    public IReadOnlyList<string> NodeAddresses { get; init; } = [];

    /// <summary>The node's zone, for endpoints that are meant for some zones; "" if it has none.</summary>
    public string Zone { get; init; } = "";

    /// <summary>The ranges that all pods have their addresses of, of any family. Who comes from elsewhere is masqueraded at a
    /// cluster IP, so that answers come back through this node.</summary>
    public IReadOnlyList<string> PodCidrs { get; init; } = [];

    /// <summary>Ranges of cluster IPs, of any family: what no service has of them is dropped.</summary>
    public IReadOnlyList<string> ServiceCidrs { get; init; } = [];

    /// <summary>Whether what pods send to the world outside of their network goes out under the node's address.</summary>
    public bool MasqueradesPodTraffic { get; init; }
}
