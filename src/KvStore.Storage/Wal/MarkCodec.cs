using System.Buffers.Binary;
using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>The bytes of a mark.</summary>
/// <remarks>
/// <code>
/// term 8, index 8, auto-leave 1, then four lists of members (voters, learners, outgoing voters, next learners), each
/// count 4 and ids of 8; then the checkpoint's identity: length 4 and bytes
/// </code>
/// </remarks>
internal static class MarkCodec
{
    private const int ListCount = 4;

    public static int SizeOf(CheckpointMark mark) =>
        16 + 1 + (ListCount * 4) + (MemberCount(mark.ConfState) * 8) + 4 + mark.Checkpoint.Length;

    public static void Write(Span<byte> target, CheckpointMark mark)
    {
        WalFormat.WriteEntryId(target, mark.Applied);
        target[16] = mark.ConfState.AutoLeave ? (byte)1 : (byte)0;
        target = target[17..];
        WriteMembers(ref target, mark.ConfState.Voters);
        WriteMembers(ref target, mark.ConfState.Learners);
        WriteMembers(ref target, mark.ConfState.VotersOutgoing);
        WriteMembers(ref target, mark.ConfState.LearnersNext);
        BinaryPrimitives.WriteInt32LittleEndian(target, mark.Checkpoint.Length);
        mark.Checkpoint.Span.CopyTo(target[4..]);
    }

    /// <returns>Null when the bytes are no mark.</returns>
    public static CheckpointMark? TryRead(ReadOnlySpan<byte> source)
    {
        if (source.Length < 17)
            return null;
        var applied = WalFormat.ReadEntryId(source);
        bool isAutoLeave = source[16] != 0;
        source = source[17..];
        if (!TryReadMembers(ref source, out var voters) || !TryReadMembers(ref source, out var learners)
            || !TryReadMembers(ref source, out var votersOutgoing) || !TryReadMembers(ref source, out var learnersNext))
            return null;
        if (source.Length < 4 || BinaryPrimitives.ReadInt32LittleEndian(source) != source.Length - 4)
            return null;
        var confState = new ConfState
        {
            Voters = voters,
            Learners = learners,
            VotersOutgoing = votersOutgoing,
            LearnersNext = learnersNext,
            AutoLeave = isAutoLeave,
        };
        return new CheckpointMark(applied, confState, source[4..].ToArray());
    }

    private static int MemberCount(ConfState state) =>
        state.Voters.Count + state.Learners.Count + state.VotersOutgoing.Count + state.LearnersNext.Count;

    private static void WriteMembers(ref Span<byte> target, IReadOnlyList<NodeId> members)
    {
        BinaryPrimitives.WriteInt32LittleEndian(target, members.Count);
        target = target[4..];
        foreach (var member in members)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target, member.Value);
            target = target[8..];
        }
    }

    private static bool TryReadMembers(ref ReadOnlySpan<byte> source, out NodeId[] members)
    {
        members = [];
        if (source.Length < 4)
            return false;
        int count = BinaryPrimitives.ReadInt32LittleEndian(source);
        source = source[4..];
        if (count < 0 || count > source.Length / 8)
            return false;
        members = new NodeId[count];
        for (int i = 0; i < count; i++)
            members[i] = new NodeId(BinaryPrimitives.ReadUInt64LittleEndian(source[(i * 8)..]));
        source = source[(count * 8)..];
        return true;
    }
}
