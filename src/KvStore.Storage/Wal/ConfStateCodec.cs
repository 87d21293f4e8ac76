using System.Buffers.Binary;
using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>The bytes of a raft configuration: part of each mark, and kept by the state machine in its checkpoints.</summary>
/// <remarks>
/// <code>
/// auto-leave 1, then four lists of members (voters, learners, outgoing voters, next learners), each count 4 and ids of 8
/// </code>
/// Integers are little-endian.
/// </remarks>
public static class ConfStateCodec
{
    private const int ListCount = 4;

    public static int SizeOf(ConfState state)
    {
        int members = state.Voters.Count + state.Learners.Count + state.VotersOutgoing.Count + state.LearnersNext.Count;
        return 1 + (ListCount * sizeof(int)) + (members * sizeof(ulong));
    }

    public static byte[] Encode(ConfState state)
    {
        byte[] bytes = new byte[SizeOf(state)];
        var rest = bytes.AsSpan();
        Write(ref rest, state);
        return bytes;
    }

    /// <exception cref="InvalidDataException">The bytes are no configuration, or more than one.</exception>
    public static ConfState Decode(ReadOnlySpan<byte> bytes)
    {
        int length = bytes.Length;
        return TryRead(ref bytes) is { } state && bytes.IsEmpty
            ? state
            : throw new InvalidDataException($"{length} bytes that should be a raft configuration are none: the data is damaged");
    }

    /// <summary>Writes at the front of <paramref name="target"/> and moves it behind.</summary>
    public static void Write(ref Span<byte> target, ConfState state)
    {
        target[0] = state.AutoLeave ? (byte)1 : (byte)0;
        target = target[1..];
        WriteMembers(ref target, state.Voters);
        WriteMembers(ref target, state.Learners);
        WriteMembers(ref target, state.VotersOutgoing);
        WriteMembers(ref target, state.LearnersNext);
    }

    /// <summary>Reads from the front of <paramref name="source"/> and moves it behind.</summary>
    /// <returns>Null when the bytes begin with no configuration.</returns>
    public static ConfState? TryRead(ref ReadOnlySpan<byte> source)
    {
        if (source.IsEmpty)
            return null;
        bool isAutoLeave = source[0] != 0;
        source = source[1..];
        if (!TryReadMembers(ref source, out var voters) || !TryReadMembers(ref source, out var learners)
            || !TryReadMembers(ref source, out var votersOutgoing) || !TryReadMembers(ref source, out var learnersNext))
            return null;
        return new ConfState
        {
            Voters = voters,
            Learners = learners,
            VotersOutgoing = votersOutgoing,
            LearnersNext = learnersNext,
            AutoLeave = isAutoLeave,
        };
    }

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
