using System.Buffers.Binary;
using System.Numerics;
using KvStore.Raft;
using KvStore.Storage.Values;

namespace KvStore.Server.Members.Checkpoints;

/// <summary>What a checkpoint is made of, beside the values and the key index: where it stands in the log, and the small state.</summary>
/// <remarks>
/// <code>
/// +---------------+---------+----------+-----------------+---------------+-------------+------------+-------------+--------+
/// | "KVCHKPT\n" 8 | u32 ver | u32 size | u64 term, index | 16 values id  | i64 revision| ConfState  | state bytes | crc32c |
/// +---------------+---------+----------+-----------------+---------------+-------------+------------+-------------+--------+
/// </code>
/// Little-endian; size counts the whole file; the CRC covers everything before it. ConfState: voters, learners, outgoing voters
/// and next learners, each a u32 count and u64 ids, then a byte for auto-leave. State bytes: a u32 length and the bytes.
/// </remarks>
internal sealed record CheckpointManifest(EntryId Applied, CheckpointId Values, long Revision, ConfState ConfState, ReadOnlyMemory<byte> State)
{
    private const uint Version = 1;

    private static ReadOnlySpan<byte> Magic => "KVCHKPT\n"u8;

    public byte[] Encode()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(0u);
        writer.Write(Applied.Term);
        writer.Write(Applied.Index);
        writer.Write(Values.Value.ToByteArray());
        writer.Write(Revision);
        WriteIds(writer, ConfState.Voters);
        WriteIds(writer, ConfState.Learners);
        WriteIds(writer, ConfState.VotersOutgoing);
        WriteIds(writer, ConfState.LearnersNext);
        writer.Write(ConfState.AutoLeave);
        writer.Write(State.Length);
        writer.Write(State.Span);
        writer.Write(0u);
        var bytes = stream.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4), Checksum(bytes.AsSpan(0, bytes.Length - 4)));
        return bytes;
    }

    /// <exception cref="InvalidDataException">The file is damaged or of another version.</exception>
    public static CheckpointManifest Decode(byte[] bytes, string path)
    {
        if (bytes.Length < 64 || !bytes.AsSpan(0, 8).SequenceEqual(Magic))
            throw new InvalidDataException($"{path} is no checkpoint");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (version != Version)
            throw new InvalidDataException($"{path} has format {version}, this version reads {Version}");
        if (BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12)) != bytes.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4)) != Checksum(bytes.AsSpan(0, bytes.Length - 4)))
        {
            throw new InvalidDataException($"{path} is damaged: its checksum is wrong");
        }
        using var reader = new BinaryReader(new MemoryStream(bytes, 16, bytes.Length - 20));
        ulong term = reader.ReadUInt64(), index = reader.ReadUInt64();
        var values = new CheckpointId(new Guid(reader.ReadBytes(16)));
        long revision = reader.ReadInt64();
        var confState = new ConfState
        {
            Voters = ReadIds(reader),
            Learners = ReadIds(reader),
            VotersOutgoing = ReadIds(reader),
            LearnersNext = ReadIds(reader),
            AutoLeave = reader.ReadBoolean(),
        };
        return new CheckpointManifest(new EntryId(term, index), values, revision, confState, reader.ReadBytes(reader.ReadInt32()));
    }

    private static void WriteIds(BinaryWriter writer, IReadOnlyList<NodeId> ids)
    {
        writer.Write(ids.Count);
        foreach (var id in ids)
            writer.Write(id.Value);
    }

    private static NodeId[] ReadIds(BinaryReader reader)
    {
        var ids = new NodeId[reader.ReadInt32()];
        for (int i = 0; i < ids.Length; i++)
            ids[i] = new NodeId(reader.ReadUInt64());
        return ids;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
