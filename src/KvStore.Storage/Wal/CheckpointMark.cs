using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>
/// Says that the state up to <paramref name="Applied"/> is held by a checkpoint, so that replay may start after it.
/// </summary>
/// <param name="ConfState">The members as of that entry.</param>
/// <param name="Checkpoint">What names the checkpoint to its store; the log only keeps it.</param>
public sealed record CheckpointMark(EntryId Applied, ConfState ConfState, ReadOnlyMemory<byte> Checkpoint);
