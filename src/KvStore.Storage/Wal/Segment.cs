using KvStore.Storage.Disks;

namespace KvStore.Storage.Wal;

/// <summary>A segment file of the log. The writer alone moves <see cref="Position"/>; the log's lock guards the rest.</summary>
internal sealed class Segment(IFile file, string path, ulong sequence, uint headChecksum, long firstBatchOffset)
{
    private int _pinCount;
    private bool _isReleased;

    public IFile File => file;

    public string Path => path;

    public ulong Sequence => sequence;

    public uint HeadChecksum => headChecksum;

    /// <summary>Bytes that were zero-filled when the file was made, or that were written since.</summary>
    public long Capacity { get; set; }

    /// <summary>Where the next batch starts: on a page, behind the last one.</summary>
    public long Position { get; set; } = firstBatchOffset;

    public long FirstBatchOffset { get; } = firstBatchOffset;

    /// <summary>Whether no batch was written to it.</summary>
    public bool IsFresh => Position == FirstBatchOffset;

    /// <summary>The highest index of any entry in it, superseded ones included.</summary>
    public ulong MaxIndex { get; set; }

    public bool IsPinned => _pinCount > 0;

    public void Pin() => _pinCount++;

    public void Unpin()
    {
        if (--_pinCount == 0 && _isReleased)
            file.Dispose();
    }

    /// <summary>Closes the file as soon as no reader uses it.</summary>
    public void Release()
    {
        _isReleased = true;
        if (_pinCount == 0)
            file.Dispose();
    }
}
