using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Node.Tests.Pressure;

/// <summary>What tests of pressure begin with.</summary>
internal static class Given
{
    public static NodeSignals Signals(params (EvictionSignal Signal, long Available, long Capacity)[] values) => new(
        values.ToDictionary(value => value.Signal, value => new SignalValue(value.Available, value.Capacity)), HasImageDisk: false);

    /// <summary>Its uid is its name.</summary>
    public static Pod Pod(string name, Action<Pod>? change = null)
    {
        var pod = new Pod
        {
            Metadata = new ObjectMeta { Name = name, Namespace = "default", Uid = name },
            Spec = new PodSpec { Containers = [new Container { Name = "main" }] },
        };
        change?.Invoke(pod);
        return pod;
    }

    internal sealed class Evictable(Pod pod) : IEvictablePod
    {
        public Pod Pod => pod;

        public bool HasEnded { get; set; }

        public bool IsCritical { get; init; }

        public (string Message, bool IsForNode)? Eviction { get; private set; }

        public bool Evict(string message, bool isForNode)
        {
            if (!IsCritical)
                Eviction = (message, isForNode);
            return !IsCritical;
        }
    }

    /// <summary>What a test says that there is.</summary>
    internal sealed class PretendStats : INodeStats
    {
        public NodeSignals Signals { get; set; } = Given.Signals();

        public Dictionary<string, PodUse> Uses { get; } = [];

        /// <summary>Pods whose files were counted.</summary>
        public List<string> Counted { get; } = [];

        public Task<NodeSignals> SignalsAsync(CancellationToken ct) => Task.FromResult(Signals);

        public Task<IReadOnlyDictionary<string, PodUse>> UsesAsync(IReadOnlyCollection<Pod> pods, bool withDisk, CancellationToken ct)
        {
            if (withDisk)
                Counted.AddRange(pods.Select(pod => pod.Metadata.Name!));
            return Task.FromResult<IReadOnlyDictionary<string, PodUse>>(Uses);
        }
    }
}
