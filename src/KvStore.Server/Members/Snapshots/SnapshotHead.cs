using System.Buffers.Binary;
using KvStore.Raft;
using KvStore.Storage.Values;
using KvStore.Storage.Wal;

namespace KvStore.Server.Members.Snapshots;

/// <summary>What the first chunk of a body says: which snapshot this is, and how much is to come. See <see cref="SnapshotFormat"/>.</summary>
/// <param name="ValuesBytes">About what the values take; only for telling how far a transfer is, and whether there is room.</param>
internal sealed record SnapshotHead(
    SnapshotIdentity Identity, ConfState ConfState, long Revision, long CompactRevision, long StateBytes, long IndexBytes, long ValuesBytes)
{
    private const int FixedBytes = 8 + 4 + 6 * 8 + 16 + 2 * 8;

    public EntryId Applied => Identity.Applied;

    public byte[] Encode()
    {
        byte[] members = ConfStateCodec.Encode(ConfState);
        var bytes = new byte[FixedBytes + members.Length];
        SnapshotFormat.Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), SnapshotFormat.Version);
        ReadOnlySpan<long> numbers = [StateBytes, IndexBytes, ValuesBytes, Revision, CompactRevision, Identity.Checkpoint];
        for (int i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(12 + 8 * i), numbers[i]);
        Identity.Values.Value.TryWriteBytes(bytes.AsSpan(60));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(76), Applied.Term);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(84), Applied.Index);
        members.CopyTo(bytes, FixedBytes);
        return bytes;
    }

    /// <exception cref="InvalidDataException">It is no head, or another version's.</exception>
    public static SnapshotHead Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FixedBytes || !bytes.StartsWith(SnapshotFormat.Magic))
            throw new InvalidDataException("what came is no snapshot");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version != SnapshotFormat.Version)
        {
            throw new InvalidDataException(
                $"the snapshot has format {version}, this version reads {SnapshotFormat.Version}: let all members run the same version");
        }
        var identity = new SnapshotIdentity(
            new EntryId(BinaryPrimitives.ReadUInt64LittleEndian(bytes[76..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[84..])),
            NumberAt(bytes, 5),
            new CheckpointId(new Guid(bytes.Slice(60, 16))));
        var head = new SnapshotHead(
            identity, ConfStateCodec.Decode(bytes[FixedBytes..]), NumberAt(bytes, 3), NumberAt(bytes, 4), NumberAt(bytes, 0), NumberAt(bytes, 1),
            NumberAt(bytes, 2));
        if (head.StateBytes is <= 0 or > int.MaxValue / 2 || head.IndexBytes <= 0 || head.ValuesBytes < 0)
            throw new InvalidDataException("the snapshot's head names impossible sizes");
        return head;
    }

    private static long NumberAt(ReadOnlySpan<byte> bytes, int place) => BinaryPrimitives.ReadInt64LittleEndian(bytes[(12 + 8 * place)..]);
}
