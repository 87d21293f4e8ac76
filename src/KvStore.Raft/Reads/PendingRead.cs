namespace KvStore.Raft;

/// <summary>A read that waits for the proof that this node still led after it came.</summary>
internal readonly record struct PendingRead(Message Request, ulong Index);
