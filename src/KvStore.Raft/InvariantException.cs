namespace KvStore.Raft;

/// <summary>A broken invariant: a bug of ours or damaged data. Nobody catches it but the top of a process, which stops.</summary>
public sealed class InvariantException(string message) : Exception(message);
