namespace Orchestrator.Control.Proxying;

/// <summary>A UDP conversation that the kernel remembers.</summary>
/// <param name="Destination">Where its sender sends to.</param>
/// <param name="Backend">Who answers: another than the destination where that was translated.</param>
public readonly record struct UdpFlow(string Destination, int DestinationPort, string Backend, int BackendPort)
{
    public bool IsTranslated => Destination != Backend || DestinationPort != BackendPort;
}

/// <summary>A UDP port of a service.</summary>
/// <param name="Addresses">Cluster, external and load balancers' addresses.</param>
/// <param name="NodePort">0 for none.</param>
/// <param name="Serving">Endpoints that still answer, as they stand behind <c>dnat to</c>.</param>
public sealed record UdpPort(IReadOnlyList<string> Addresses, int Port, int NodePort, IReadOnlySet<(string, int)> Serving)
{
    public bool Equals(UdpPort? other) =>
        ReferenceEquals(this, other)
        || (other is not null && Port == other.Port && NodePort == other.NodePort && Addresses.SequenceEqual(other.Addresses)
            && Serving.SetEquals(other.Serving));

    public override int GetHashCode() => HashCode.Combine(Port, NodePort, Serving.Count);
}

/// <summary>All UDP ports. A conversation is translated once, when it begins, and has no end: where its endpoint is gone, it
/// must be forgotten, or its packets go to nobody for as long as they are sent.</summary>
public sealed class UdpServices
{
    private readonly Dictionary<(string, int), UdpPort> _byAddress = [];
    private readonly Dictionary<int, UdpPort> _byNodePort = [];
    private readonly IReadOnlyList<UdpPort> _ports;
    private readonly IReadOnlyCollection<string> _nodeAddresses;

    public UdpServices(IEnumerable<UdpPort> ports, IReadOnlyCollection<string> nodeAddresses)
    {
        _ports = [.. ports];
        _nodeAddresses = nodeAddresses;
        foreach (var port in _ports)
        {
            foreach (string address in port.Addresses)
                _byAddress.TryAdd((address, port.Port), port);
            if (port.NodePort != 0)
                _byNodePort.TryAdd(port.NodePort, port);
        }
    }

    public static UdpServices None { get; } = new([], []);

    public bool IsEmpty => _ports.Count == 0;

    public bool IsSame(UdpServices other) => _ports.SequenceEqual(other._ports);

    /// <summary>Whether the kernel must forget a conversation, now that these services are in force.</summary>
    /// <param name="before">Those that were in force until now.</param>
    public bool IsStale(UdpFlow flow, UdpServices before)
    {
        if (Find(flow) is { } port)
        {
            // Begun while there was nobody to translate it to, or led to somebody who is gone.
            return flow.IsTranslated ? !port.Serving.Contains((flow.Backend, flow.BackendPort)) : port.Serving.Count > 0;
        }
        return flow.IsTranslated && before.Find(flow) is not null;
    }

    private UdpPort? Find(UdpFlow flow)
    {
        if (_byAddress.TryGetValue((flow.Destination, flow.DestinationPort), out var port))
            return port;
        bool isOfNode = flow.IsTranslated || _nodeAddresses.Contains(flow.Destination);
        return isOfNode ? _byNodePort.GetValueOrDefault(flow.DestinationPort) : null;
    }
}
