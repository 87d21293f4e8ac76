using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>What there is on a node and what its pods take.</summary>
internal interface INodeStats
{
    Task<NodeSignals> SignalsAsync(CancellationToken ct);

    /// <param name="withDisk">Files are counted too, which takes its time; else they are nothing.</param>
    /// <returns>By pod's uid; those alone that run something.</returns>
    Task<IReadOnlyDictionary<string, PodUse>> UsesAsync(IReadOnlyCollection<Pod> pods, bool withDisk, CancellationToken ct);
}
