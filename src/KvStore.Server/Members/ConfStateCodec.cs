using System.Buffers.Binary;
using KvStore.Raft;

namespace KvStore.Server.Members;

/// <summary>The members' raft configuration as the state machine keeps it.</summary>
/// <remarks>
/// <code>
/// auto-leave u8; then voters, learners, outgoing voters, next learners: each count u32 and ids u64, little-endian
/// </code>
/// </remarks>
internal static class ConfStateCodec
{
    public static byte[] Encode(ConfState state)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(state.AutoLeave);
        foreach (var ids in new[] { state.Voters, state.Learners, state.VotersOutgoing, state.LearnersNext })
        {
            writer.Write(ids.Count);
            foreach (var id in ids)
                writer.Write(id.Value);
        }
        return stream.ToArray();
    }

    public static ConfState Decode(ReadOnlySpan<byte> bytes)
    {
        bool autoLeave = bytes[0] != 0;
        bytes = bytes[1..];
        return new ConfState
        {
            AutoLeave = autoLeave,
            Voters = ReadIds(ref bytes),
            Learners = ReadIds(ref bytes),
            VotersOutgoing = ReadIds(ref bytes),
            LearnersNext = ReadIds(ref bytes),
        };
    }

    private static NodeId[] ReadIds(ref ReadOnlySpan<byte> bytes)
    {
        var ids = new NodeId[BinaryPrimitives.ReadInt32LittleEndian(bytes)];
        bytes = bytes[sizeof(int)..];
        for (int i = 0; i < ids.Length; i++, bytes = bytes[sizeof(ulong)..])
            ids[i] = new NodeId(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        return ids;
    }
}
