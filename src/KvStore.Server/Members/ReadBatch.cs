using KvStore.Mvcc.Errors;

namespace KvStore.Server.Members;

/// <summary>Linearizable reads that wait for one ReadIndex together.</summary>
public sealed class ReadBatch
{
    private readonly TaskCompletionSource _isReadable = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _startedAt = long.MaxValue;

    /// <summary>Timestamp of the member's clock when its first reader came; without one it is never overdue.</summary>
    public long StartedAt => Volatile.Read(ref _startedAt);

    /// <summary>What must be applied before these reads may look; known once the group confirmed it.</summary>
    public ulong Index { get; set; }

    /// <summary>Completes when the state holds everything that was acknowledged before the reads began.</summary>
    public Task Readable => _isReadable.Task;

    /// <summary>A reader joins. Any thread.</summary>
    public void Join(long now)
    {
        if (StartedAt == long.MaxValue)
            Interlocked.CompareExchange(ref _startedAt, now, long.MaxValue);
    }

    public void Complete() => _isReadable.TrySetResult();

    /// <returns>Whether its readers still waited.</returns>
    public bool Fail(EtcdException reason) => _isReadable.TrySetException(reason);
}
