using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Proxy;

/// <summary>For which node services are proxied, and where.</summary>
public sealed record ServiceProxyOptions
{
    public required string NodeName { get; init; }

    /// <summary>Where node ports are open; none: at all addresses of the network namespace but loopback.</summary>
    public IReadOnlyList<string> NodeAddresses { get; init; } = [];

    /// <summary>The range of cluster IPs; two, with a comma between them, in a cluster of both families.</summary>
    public required string ServiceCidr { get; init; }

    /// <summary>The cluster's pod network. What comes to a cluster IP from elsewhere is masqueraded, so that answers come back
    /// through this node.</summary>
    public IReadOnlyList<string> PodCidrs { get; init; } = [];

    /// <summary>Whether what pods send to the outside goes out under the node's address; off where another table does that.</summary>
    public bool MasqueradesPodTraffic { get; init; }

    /// <summary>Where the rules are; null: in this process's own.</summary>
    public NetworkNamespace? Network { get; init; }

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>How often it is asked whether somebody else has changed anything: one question to the kernel.</summary>
    public TimeSpan LookInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often everything in the kernel is compared although nobody seems to have changed it.</summary>
    public TimeSpan FullCheckInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How much later than this node's the rules of other nodes may let go of a pod; none where there are no others.</summary>
    public TimeSpan OtherNodesDelay { get; init; }

    public ILogger Log { get; init; } = NullLogger.Instance;
}
