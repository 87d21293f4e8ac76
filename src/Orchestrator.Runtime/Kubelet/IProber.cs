using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>Asks a container over the network how it is. (Commands run through the runtime.)</summary>
public interface IProber
{
    Task<ProbeResult> ProbeAsync(ProbeTarget target, ProbeRequest request, TimeSpan timeout, CancellationToken ct);
}

/// <param name="IsSuccess">What the container's health is counted by.</param>
/// <param name="Output">Why not, as events tell it.</param>
public readonly record struct ProbeResult(bool IsSuccess, string Output);

public sealed record ProbeTarget(string ContainerId, string PodIp, Container Container);

/// <summary>One of the three is set: where a probe or a hook asks.</summary>
public sealed record ProbeRequest(HTTPGetAction? HttpGet, TCPSocketAction? TcpSocket, GRPCAction? Grpc);
