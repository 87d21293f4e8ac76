using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>Reads entries back from their segments and checks them again on the way.</summary>
internal static class SpanReader
{
    public static List<Entry> Read(List<EntrySpan> spans, ulong lo, ulong hi, ulong sizeLimit)
    {
        var entries = new List<Entry>();
        ulong size = 0;
        foreach (var span in spans)
            if (!TryRead(span, lo, hi, sizeLimit, ref size, entries))
                break;
        return entries;
    }

    /// <returns>False when the limit is met.</returns>
    private static bool TryRead(in EntrySpan span, ulong lo, ulong hi, ulong sizeLimit, ref ulong size, List<Entry> entries)
    {
        // Not pooled: the entries are slices of it.
        byte[] bytes = new byte[span.Length];
        var segment = span.Segment!;
        int read = segment.File.Read(span.Offset, bytes);
        int offset = 0;
        uint chain = span.Chain;
        while (offset < bytes.Length)
        {
            if (!WalFormat.TryReadRecord(bytes.AsSpan(0, read), ref offset, ref chain, out var type, out var body))
                throw new WalException($"'{segment.Path}' is damaged at offset {span.Offset + offset}: "
                    + $"the entries from {span.First} on were written whole and now fail their check");
            if (type != RecordType.Entry)
                continue;
            var entry = EntryOf(body, bytes.AsMemory(offset - body.Length, body.Length));
            if (entry.Index < lo)
                continue;
            if (entry.Index >= hi || entry.Index > span.Last)
                break;
            size += entry.EncodedSizeBytes;
            if (size > sizeLimit && entries.Count > 0)
                return false;
            entries.Add(entry);
        }
        return true;
    }

    private static Entry EntryOf(ReadOnlySpan<byte> body, ReadOnlyMemory<byte> memory)
    {
        var id = WalFormat.ReadEntryId(body);
        return new Entry(id.Term, id.Index, (EntryType)body[16], memory[WalFormat.EntryFieldsBytes..]);
    }
}
