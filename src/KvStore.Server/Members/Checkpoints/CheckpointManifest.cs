using System.Buffers.Binary;
using KvStore.Mvcc.State;
using KvStore.Storage;
using KvStore.Storage.Values;

namespace KvStore.Server.Members.Checkpoints;

/// <summary>Ties a checkpoint's parts together: which one of the values, and the small state with its place in the log.</summary>
/// <remarks>
/// <code>
/// +--------------+---------+----------+-----------+-------------+--------+
/// | "KVCHKPT\n" 8| u32 ver | u32 size | 16 values | state bytes | crc32c |   little-endian; size is the whole file's;
/// +--------------+---------+----------+-----------+-------------+--------+   the CRC covers everything before it
/// </code>
/// </remarks>
/// <param name="AppliedIndex">The last entry that the state holds.</param>
/// <param name="Revision">The store's revision then: the key index is saved at it.</param>
internal sealed record CheckpointManifest(ulong AppliedIndex, long Revision, CheckpointId Values, ReadOnlyMemory<byte> State)
{
    private const uint Version = 1;
    private const int HeadBytes = 8 + 4 + 4 + 16;
    private const int CrcBytes = 4;

    private static ReadOnlySpan<byte> Magic => "KVCHKPT\n"u8;

    public byte[] Encode()
    {
        var bytes = new byte[HeadBytes + State.Length + CrcBytes];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), bytes.Length);
        Values.Value.TryWriteBytes(bytes.AsSpan(16));
        State.CopyTo(bytes.AsMemory(HeadBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - CrcBytes), Crc32C.Of(bytes.AsSpan(0, bytes.Length - CrcBytes)));
        return bytes;
    }

    /// <exception cref="InvalidDataException">The file is damaged or of another version.</exception>
    public static CheckpointManifest Decode(byte[] bytes, string path)
    {
        if (bytes.Length < HeadBytes + CrcBytes || !bytes.AsSpan().StartsWith(Magic))
            throw new InvalidDataException($"{path} is no checkpoint");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (version != Version)
            throw new InvalidDataException($"{path} has format {version}, this version reads {Version}");
        if (BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12)) != bytes.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - CrcBytes)) != Crc32C.Of(bytes.AsSpan(0, bytes.Length - CrcBytes)))
        {
            throw new InvalidDataException($"{path} is damaged: its checksum is wrong");
        }
        var state = bytes.AsMemory(HeadBytes, bytes.Length - HeadBytes - CrcBytes);
        var image = StateImage.Decode(state.Span);
        return new CheckpointManifest(image.AppliedIndex, image.CurrentRevision, new CheckpointId(new Guid(bytes.AsSpan(16, 16))), state);
    }
}
