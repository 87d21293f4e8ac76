namespace Orchestrator.Runtime.Proxy;

/// <summary>The kernel or one of its tools refuses; the message is one line that says what.</summary>
public sealed class ServiceProxyException(string message) : Exception(message);
