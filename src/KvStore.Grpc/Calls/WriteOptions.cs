namespace KvStore.Grpc;

[Flags]
public enum WriteFlags
{
    None = 0,

    /// <summary>More follows at once: the message may wait and share a packet with the next one that lacks this flag.</summary>
    BufferHint = 1,

    /// <summary>Send this message as it is, though the call compresses.</summary>
    NoCompress = 2,
}

public sealed class WriteOptions(WriteFlags flags = WriteFlags.None)
{
    public static readonly WriteOptions Default = new();

    /// <summary>Shared, so that a writer can hint before each message of a batch without allocating.</summary>
    public static readonly WriteOptions Buffered = new(WriteFlags.BufferHint);

    public WriteFlags Flags => flags;
}
