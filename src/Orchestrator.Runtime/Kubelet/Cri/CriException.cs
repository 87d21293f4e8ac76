namespace Orchestrator.Runtime.Kubelet.Cri;

/// <summary>The runtime could not do what it was asked for.</summary>
public sealed class CriException(string message) : Exception(message);
