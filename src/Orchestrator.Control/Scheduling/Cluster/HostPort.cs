namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>A port of the node that a pod takes for itself.</summary>
public readonly record struct HostPort(string Address, string Protocol, int Port)
{
    private const string Any = "0.0.0.0";

    public static HostPort[] Of(PodSpec spec)
    {
        List<HostPort>? ports = null;
        foreach (var container in spec.Containers.OrEmpty())
            Add(container, ref ports);
        foreach (var container in spec.InitContainers.OrEmpty())
        {
            if (container.RestartPolicy == "Always")
                Add(container, ref ports);
        }
        return ports is null ? [] : [.. ports];
    }

    /// <summary>The same port and protocol, on addresses of which one is all or both are the same.</summary>
    public bool ConflictsWith(HostPort other) =>
        Port == other.Port && Protocol == other.Protocol
        && (Address == other.Address || Address == Any || other.Address == Any);

    private static void Add(Container container, ref List<HostPort>? ports)
    {
        foreach (var port in container.Ports.OrEmpty())
        {
            if (port.HostPort is not > 0)
                continue;
            ports ??= [];
            ports.Add(new HostPort(
                string.IsNullOrEmpty(port.HostIP) ? Any : port.HostIP, port.Protocol ?? "TCP", port.HostPort.Value));
        }
    }
}
