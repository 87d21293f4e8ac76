namespace Orchestrator.Runtime.Client;

/// <summary>No (whole) answer came from the API server: refused, broken or too slow. A write may or may not have happened.</summary>
public sealed class TransportException(string message, Exception? inner = null) : Exception(message, inner);
