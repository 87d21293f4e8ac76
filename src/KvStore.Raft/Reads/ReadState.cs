namespace KvStore.Raft;

/// <summary>
/// A read that was asked for with <paramref name="Context"/> is linearizable once <paramref name="Index"/> is applied.
/// </summary>
public readonly record struct ReadState(ulong Index, ReadOnlyMemory<byte> Context);
