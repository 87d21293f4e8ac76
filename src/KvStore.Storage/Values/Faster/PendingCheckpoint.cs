using KvStore.Raft;
using KvStore.Storage.Disks;

namespace KvStore.Storage.Values.Faster;

/// <summary>A checkpoint between its start and its end, good or bad.</summary>
/// <param name="begin">No segment from here on may go before the checkpoint has ended.</param>
/// <param name="valuesSinceIndex">Values since the index that this one goes on from.</param>
/// <param name="latest">The checkpoint whose index this one goes on from; null when it saves its own.</param>
internal sealed class PendingCheckpoint(long begin, long valuesSinceIndex, CheckpointManifest? latest) : ICheckpointInProgress
{
    private volatile bool _isSeen;
    private volatile bool _isComplete;
    private volatile IOException? _failure;

    public CheckpointId Id => new(Token);

    /// <summary>FASTER's name for it, known once FASTER has started.</summary>
    public Guid Token { get; set; }

    public long Begin { get; } = begin;

    public CheckpointManifest? Base { get; } = latest;

    /// <summary>If it saves the index: values since the one before, which count again should it fail.</summary>
    public long ValuesSinceIndex { get; } = valuesSinceIndex;

    public IndexFile? Index { get; set; }

    public byte[]? IndexMetadata { get; set; }

    public bool HasEnded => _isComplete || _failure is not null;

    public bool HasFailed => _failure is not null;

    /// <summary>Whether its owner may still ask to keep it: it has not been told yet how the checkpoint ended.</summary>
    public bool IsAwaited => !_isSeen && !HasFailed;

    public bool IsComplete
    {
        get
        {
            if (_failure is { } failure)
                throw Describe(failure);
            if (_isComplete)
                _isSeen = true;
            return _isComplete;
        }
    }

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
