using System.Buffers.Binary;
using KvStore.Mvcc.State;
using KvStore.Storage;
using KvStore.Storage.Values;

namespace KvStore.Server.Members.Checkpoints;

/// <summary>Ties a checkpoint's parts together: which one of the values, and the small state with its place in the log.</summary>
/// <remarks>
/// <code>
/// +--------------+---------+----------+-----------+---------------+-----------+-------------+--------+  little-endian
/// | "KVCHKPT\n" 8| u32 ver | u32 size | 16 values | u32 generation| u32 flags | state bytes | crc32c |  size: the whole file's
/// +--------------+---------+----------+-----------+---------------+-----------+-------------+--------+  crc: all before it
/// </code>
/// Version 1 has neither generation nor flags: both are 0 then. Flags: 1, the checkpoint came from another member.
/// </remarks>
/// <param name="AppliedIndex">The last entry that the state holds.</param>
/// <param name="Revision">The store's revision then: the key index is saved at it.</param>
internal sealed record CheckpointManifest(ulong AppliedIndex, long Revision, CheckpointId Values, ReadOnlyMemory<byte> State)
{
    private const uint Version = 2, FirstVersion = 1;
    private const int FirstVersionHeadBytes = 8 + 4 + 4 + 16;
    private const int HeadBytes = FirstVersionHeadBytes + 4 + 4;
    private const int CrcBytes = 4;
    private const uint ReceivedFlag = 1;

    private static ReadOnlySpan<byte> Magic => "KVCHKPT\n"u8;

    /// <summary>Which directory the values are in, see <see cref="ValueGenerations"/>.</summary>
    public int Generation { get; init; }

    /// <summary>It is another member's snapshot: it counts only once the log says that it goes on behind it.</summary>
    public bool IsReceived { get; init; }

    public byte[] Encode()
    {
        var bytes = new byte[HeadBytes + State.Length + CrcBytes];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), bytes.Length);
        Values.Value.TryWriteBytes(bytes.AsSpan(16));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(FirstVersionHeadBytes), Generation);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(FirstVersionHeadBytes + 4), IsReceived ? ReceivedFlag : 0);
        State.CopyTo(bytes.AsMemory(HeadBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - CrcBytes), Crc32C.Of(bytes.AsSpan(0, bytes.Length - CrcBytes)));
        return bytes;
    }

    /// <exception cref="InvalidDataException">The file is damaged or of another version.</exception>
    public static CheckpointManifest Decode(byte[] bytes, string path)
    {
        if (bytes.Length < FirstVersionHeadBytes + CrcBytes || !bytes.AsSpan().StartsWith(Magic))
            throw new InvalidDataException($"{path} is no checkpoint");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (version is not (Version or FirstVersion))
            throw new InvalidDataException($"{path} has format {version}, this version reads {FirstVersion} to {Version}");
        int headBytes = version == FirstVersion ? FirstVersionHeadBytes : HeadBytes;
        if (bytes.Length < headBytes + CrcBytes
            || BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12)) != bytes.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - CrcBytes)) != Crc32C.Of(bytes.AsSpan(0, bytes.Length - CrcBytes)))
        {
            throw new InvalidDataException($"{path} is damaged: its checksum is wrong");
        }
        var state = bytes.AsMemory(headBytes, bytes.Length - headBytes - CrcBytes);
        var image = StateImage.Decode(state.Span);
        var manifest = new CheckpointManifest(image.AppliedIndex, image.CurrentRevision, new CheckpointId(new Guid(bytes.AsSpan(16, 16))), state);
        return version == FirstVersion ? manifest : manifest with
        {
            Generation = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(FirstVersionHeadBytes)),
            IsReceived = (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(FirstVersionHeadBytes + 4)) & ReceivedFlag) != 0,
        };
    }
}
