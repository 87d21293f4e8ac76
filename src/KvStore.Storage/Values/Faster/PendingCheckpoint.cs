using KvStore.Raft;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Values.Faster;

/// <summary>A checkpoint between its start and its end, good or bad.</summary>
internal sealed class PendingCheckpoint(long begin, long valuesSinceIndex, CheckpointManifest? base_) : ICheckpointInProgress
{
    private volatile bool _isComplete;
    private volatile IOException? _failure;

    public CheckpointId Id => new(Token);

    /// <summary>FASTER's name for it, known once FASTER has started.</summary>
    public Guid Token { get; set; }

    /// <summary>No segment from here on may go before the checkpoint has ended.</summary>
    public long Begin { get; } = begin;

    /// <summary>The checkpoint whose index this one goes on from; null when it saves its own.</summary>
    public CheckpointManifest? Base { get; } = base_;

    public long ValuesSinceIndex { get; } = valuesSinceIndex;

    public IndexFile? Index { get; set; }

    public byte[]? IndexMetadata { get; set; }

    public bool HasEnded => _isComplete || _failure is not null;

    public bool IsComplete => _failure is not { } failure ? _isComplete : throw Describe(failure);

    public void Succeed()
    {
        Invariant.Holds(!HasEnded);
        _isComplete = true;
    }

    public void Fail(IOException failure)
    {
        Invariant.Holds(!HasEnded);
        _failure = failure;
    }

    private IOException Describe(IOException failure)
    {
        string message = $"checkpoint {Token:N} failed: {failure.Message}";
        return failure is DiskFullException ? new DiskFullException(message, failure) : new IOException(message, failure);
    }
}
