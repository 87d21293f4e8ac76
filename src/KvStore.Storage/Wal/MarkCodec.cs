using System.Buffers.Binary;

namespace KvStore.Storage.Wal;

/// <summary>The bytes of a mark.</summary>
/// <remarks>
/// <code>
/// term 8, index 8, the members' configuration (ConfStateCodec); then the checkpoint's identity: length 4 and bytes
/// </code>
/// </remarks>
internal static class MarkCodec
{
    private const int EntryIdBytes = 16;

    public static int SizeOf(CheckpointMark mark) =>
        EntryIdBytes + ConfStateCodec.SizeOf(mark.ConfState) + 4 + mark.Checkpoint.Length;

    public static void Write(Span<byte> target, CheckpointMark mark)
    {
        WalFormat.WriteEntryId(target, mark.Applied);
        target = target[EntryIdBytes..];
        ConfStateCodec.Write(ref target, mark.ConfState);
        BinaryPrimitives.WriteInt32LittleEndian(target, mark.Checkpoint.Length);
        mark.Checkpoint.Span.CopyTo(target[4..]);
    }

    /// <returns>Null when the bytes are no mark.</returns>
    public static CheckpointMark? TryRead(ReadOnlySpan<byte> source)
    {
        if (source.Length < EntryIdBytes)
            return null;
        var applied = WalFormat.ReadEntryId(source);
        source = source[EntryIdBytes..];
        if (ConfStateCodec.TryRead(ref source) is not { } confState)
            return null;
        if (source.Length < 4 || BinaryPrimitives.ReadInt32LittleEndian(source) != source.Length - 4)
            return null;
        return new CheckpointMark(applied, confState, source[4..].ToArray());
    }
}
