using KvStore.Grpc;

namespace Orchestrator.Runtime.Kubelet.Cri;

/// <summary>The runtime could not do what it was asked for.</summary>
public sealed class CriException(string message, StatusCode code = StatusCode.Unknown, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What kind of failure it is, in gRPC's words; Unknown for most.</summary>
    public StatusCode Code { get; } = code;
}
