namespace KvStore.Raft;

/// <summary>
/// A state that stands for the log up to it. <paramref name="Data"/> may be a mere reference: the core never looks.
/// </summary>
public sealed record Snapshot(SnapshotMetadata Metadata, ReadOnlyMemory<byte> Data)
{
    public static readonly Snapshot Empty = new(new SnapshotMetadata(ConfState.Empty, 0, 0), default);

    public bool IsEmpty => Metadata.Index == 0;
}
