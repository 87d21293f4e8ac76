using Orchestrator.Api;
using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Plugins;
using Orchestrator.Control.Scheduling.Queueing;

namespace Orchestrator.Runtime.Scheduling;

/// <summary>A pod that has its node and waits there for its claims' volumes.</summary>
/// <param name="Writes">What is written so that it gets them.</param>
/// <param name="Deadline">When another node is looked for.</param>
internal sealed record VolumeWait(
    QueuedPod Queued, PodInfo Pod, string NodeName, VolumeChoice Choice, IReadOnlyList<IKubernetesObject> Writes, DateTimeOffset Deadline)
{
    /// <summary>Whether all has been written and taken in.</summary>
    public bool IsWritten { get; set; }

    public IEnumerable<NamespacedName> Claims => Choice.Bindings.Select(binding => binding.Claim.Key).Concat(Choice.Provisions.Select(claim => claim.Key));
}
