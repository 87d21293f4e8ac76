using System.Net;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Host.Machine;

/// <summary>Where on the machine a node's pods, kubelet and services are.</summary>
internal interface INodeNetwork
{
    /// <summary>Null: the machine's own.</summary>
    NetworkNamespace? Namespace { get; }

    /// <summary>Of the node: kubelet, node ports and names are there.</summary>
    IPAddress NodeAddress { get; }

    /// <summary>That pods are on.</summary>
    string Bridge { get; }

    /// <summary>What CNI's plugins note their things down by.</summary>
    string CniNetwork { get; }

    /// <summary>Where the node answers names.</summary>
    int NameServerPort { get; }

    /// <summary>Makes what is missing; a node that runs is not disturbed.</summary>
    /// <exception cref="CommandException">The machine refuses.</exception>
    Task EnsureAsync();
}
