using Orchestrator.Control.Scheduling.Matching;
using Orchestrator.Control.Scheduling.Plugins;

namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>A node and what the pods on it take.</summary>
public sealed class NodeInfo
{
    private readonly Dictionary<HostPort, int> _ports = [];

    internal NodeInfo(string name, int slot)
    {
        Name = name;
        Slot = slot;
    }

    public string Name { get; }

    /// <summary>Null while pods are on it but the node is not known.</summary>
    public Node? Node { get; private set; }

    /// <summary>The node's number in the tables of the cluster; another node's once this one is gone.</summary>
    internal int Slot { get; }

    internal Dictionary<string, string>? Labels => Node?.Metadata.Labels;

    internal bool IsUnschedulable { get; private set; }

    /// <summary>Taints that keep pods away, each with what is said of it.</summary>
    internal (Taint Taint, FilterResult Refusal)[] Taints { get; private set; } = [];

    /// <summary>Taints that pods rather avoid.</summary>
    internal Taint[] SoftTaints { get; private set; } = [];

    internal Amounts Allocatable { get; private set; } = new();

    internal Amounts Requested { get; } = new();

    internal long ComparedMilliCpu { get; private set; }

    internal long ComparedMemory { get; private set; }

    internal HashSet<PodInfo> Pods { get; } = [];

    internal void SetNode(Node? node)
    {
        Node = node;
        IsUnschedulable = node?.Spec.Unschedulable == true;
        Allocatable = Amounts.Of(node?.Status.Allocatable);
        var taints = node?.Spec.Taints ?? [];
        Taints = [.. taints
            .Where(taint => taint.Effect is TolerationRules.NoSchedule or TolerationRules.NoExecute)
            .Select(taint => (taint, FilterResult.Unresolvable(
                TaintTolerationPlugin.PluginName, $"node(s) had untolerated taint {{{taint.Key}: {taint.Value}}}")))];
        SoftTaints = [.. taints.Where(taint => taint.Effect == TolerationRules.PreferNoSchedule)];
    }

    internal void Add(PodInfo pod, int sign)
    {
        if (sign > 0)
            Pods.Add(pod);
        else
            Pods.Remove(pod);
        Requested.Add(pod.Requests, sign);
        ComparedMilliCpu += sign * pod.ComparedMilliCpu;
        ComparedMemory += sign * pod.ComparedMemory;
        foreach (var port in pod.HostPorts)
        {
            int count = _ports.GetValueOrDefault(port) + sign;
            if (count > 0)
                _ports[port] = count;
            else
                _ports.Remove(port);
        }
    }

    internal bool HasFreePorts(HostPort[] wanted)
    {
        if (_ports.Count == 0)
            return true;
        foreach (var port in wanted)
        {
            foreach (var taken in _ports.Keys)
            {
                if (port.ConflictsWith(taken))
                    return false;
            }
        }
        return true;
    }
}
