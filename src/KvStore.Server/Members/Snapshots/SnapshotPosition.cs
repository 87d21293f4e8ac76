using System.Buffers.Binary;
using KvStore.Raft;
using KvStore.Storage;
using KvStore.Storage.Values;

namespace KvStore.Server.Members.Snapshots;

/// <summary>How far a transfer is: what the receiver has for sure, and so where the sender goes on.</summary>
/// <remarks>
/// As bytes, for the wire, opaque to all between receiver and sender:
/// <code>
/// version u32 | section u32 | offset i64 | next chunk u64 | values i64 | bytes of values i64 | checkpoint i64 | values' id 16 |
///   applied term u64 | applied index u64 | chain u32 | crc32c u32        little-endian, 96 bytes
/// </code>
/// </remarks>
/// <param name="Section">What the next chunk is of, unless that is at its end.</param>
/// <param name="Offset">Bytes of the section that are there; in the values, the sender's own position.</param>
/// <param name="Chain">That of the last chunk.</param>
internal readonly record struct SnapshotPosition(
    SnapshotIdentity Identity, SnapshotSection Section, long Offset, ulong NextChunk, uint Chain, long ValueCount, long ValueBytes)
{
    private const int Bytes = 96;

    public byte[] Encode()
    {
        var bytes = new byte[Bytes];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, SnapshotFormat.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)Section);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), Offset);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), NextChunk);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), ValueCount);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), ValueBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), Identity.Checkpoint);
        Identity.Values.Value.TryWriteBytes(bytes.AsSpan(48));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(64), Identity.Applied.Term);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(72), Identity.Applied.Index);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(80), Chain);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(Bytes - 4), Crc32C.Of(bytes.AsSpan(0, Bytes - 4)));
        return bytes;
    }

    /// <returns>Null for what is no position of this version, nothing among it: then all is sent.</returns>
    public static SnapshotPosition? Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Bytes
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != SnapshotFormat.Version
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[(Bytes - 4)..]) != Crc32C.Of(bytes[..(Bytes - 4)]))
        {
            return null;
        }
        var identity = new SnapshotIdentity(
            new EntryId(BinaryPrimitives.ReadUInt64LittleEndian(bytes[64..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[72..])),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
            new CheckpointId(new Guid(bytes.Slice(48, 16))));
        return new SnapshotPosition(
            identity,
            (SnapshotSection)BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[80..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]));
    }
}
