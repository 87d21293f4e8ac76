namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>Bytes, inodes or processes.</summary>
internal readonly record struct SignalValue(long Available, long Capacity);

/// <summary>What there is of a node at one moment.</summary>
/// <param name="HasImageDisk">Images lie on another file system than pods' volumes and logs.</param>
internal sealed record NodeSignals(IReadOnlyDictionary<EvictionSignal, SignalValue> Values, bool HasImageDisk);
