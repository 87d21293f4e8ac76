using KvStore.Mvcc.Errors;

namespace KvStore.Server.Members;

/// <summary>Linearizable reads that wait for one ReadIndex together.</summary>
/// <param name="startedAt">Timestamp of the member's clock when its first reader came.</param>
public sealed class ReadBatch(long startedAt)
{
    private readonly TaskCompletionSource _isReadable = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long StartedAt { get; } = startedAt;

    /// <summary>What must be applied before these reads may look; known once the group confirmed it.</summary>
    public ulong Index { get; set; }

    /// <summary>Completes when the state holds everything that was acknowledged before the reads began.</summary>
    public Task Readable => _isReadable.Task;

    public void Complete() => _isReadable.TrySetResult();

    public void Fail(EtcdException reason) => _isReadable.TrySetException(reason);
}
