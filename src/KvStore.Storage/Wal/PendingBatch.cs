namespace KvStore.Storage.Wal;

/// <summary>A batch in the buffer: open for records, or sealed and waiting to be written.</summary>
internal sealed class PendingBatch
{
    /// <summary>Where it starts in the buffer.</summary>
    public int Start { get; set; }

    /// <summary>Of header and records, without padding.</summary>
    public int Length { get; set; }

    public ulong Sequence { get; set; }

    /// <summary>The checksum of the record before it.</summary>
    public uint Chain { get; set; }

    public BatchChanges Changes { get; } = new();
}
