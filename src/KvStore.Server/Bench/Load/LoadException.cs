namespace KvStore.Server.Bench.Load;

/// <summary>The load cannot be made, or not to its end: nobody listens, the connection broke, answers stopped coming.</summary>
public sealed class LoadException(string message, Exception? inner = null) : Exception(message, inner);
