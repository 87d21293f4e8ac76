using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>What one kubelet is told about its node.</summary>
public sealed record KubeletOptions
{
    public required string NodeName { get; init; }

    /// <summary>Where the node is reached; its kubelet listens there too.</summary>
    public required string NodeIp { get; init; }

    /// <summary>Where the kubelet's server listens.</summary>
    public int Port { get; init; } = 10250;

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
    public IReadOnlyList<Taint> Taints { get; init; } = [];

    public IReadOnlyDictionary<string, Quantity> Capacity { get; init; } = new Dictionary<string, Quantity>
    {
        ["cpu"] = Quantity.Parse("8"),
        ["memory"] = Quantity.Parse("32Gi"),
        ["ephemeral-storage"] = Quantity.Parse("100Gi"),
        ["pods"] = Quantity.Parse("110"),
    };

    /// <summary>What of <see cref="Capacity"/> is not for pods.</summary>
    public IReadOnlyDictionary<string, Quantity> Reserved { get; init; } = new Dictionary<string, Quantity>();

    public string KubeletVersion { get; init; } = "v1.33.1";
    public string OperatingSystemImage { get; init; } = "Debian GNU/Linux 12 (bookworm)";
    public string KernelVersion { get; init; } = "6.1.0";
    public string Architecture { get; init; } = "amd64";

    /// <summary>How many images are pulled at once. Kubernetes pulls one by one; then a registry that does not answer holds up all others.</summary>
    public int PullsAtOnce { get; init; } = 5;

    /// <summary>Null: the node is pretended, and its name stands for all three.</summary>
    public MachineIdentity? Machine { get; init; }

    /// <summary>When the node is under pressure. Without thresholds it never is.</summary>
    public EvictionSettings Eviction { get; init; } = new() { Thresholds = [] };

    /// <summary>Null where the runtime has no use of it: its containers are not real.</summary>
    public ContainerSettings? Containers { get; init; }

    /// <summary>The folder of static pods' manifests, one pod a file; it need not be there. Null: the node has none.</summary>
    public string? StaticPodFolder { get; init; }

    /// <summary>How often that folder is read though nothing has told of a change.</summary>
    public TimeSpan StaticPodCheck { get; init; } = TimeSpan.FromSeconds(20);

    public ILogger Log { get; init; } = NullLogger.Instance;

    public TimeSpan LeaseRenewal { get; init; } = TimeSpan.FromSeconds(10);
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>How often the node's state is looked at; it is written when it has changed.</summary>
    public TimeSpan StatusCheck { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often it is looked at while its runtime is not ready: pods wait for it.</summary>
    public TimeSpan UnreadyCheck { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How often it is written though it has not.</summary>
    public TimeSpan StatusReport { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long the first report of a pod waits for its containers: if they come up meanwhile, it need not be made.</summary>
    public TimeSpan FirstReportDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Completes once the node's services send nobody to a pod whose deletion was asked for. Null: there are none here.</summary>
    public Func<Pod, CancellationToken, Task>? LeaveServices { get; init; }

    public IReadOnlyDictionary<string, Quantity> Allocatable =>
        Capacity.ToDictionary(entry => entry.Key, entry => Reserved.TryGetValue(entry.Key, out Quantity reserved) ? entry.Value - reserved : entry.Value);
}
