using System.Numerics;

namespace KvStore.Raft;

/// <summary>
/// One entry of the replicated log. <paramref name="Data"/> goes unchanged from the proposer to every disk and peer.
/// </summary>
public readonly record struct Entry(ulong Term, ulong Index, EntryType Type, ReadOnlyMemory<byte> Data)
{
    public EntryId Id => new(Term, Index);

    /// <summary>What the limits on messages and applied batches count: the size in etcd-io/raft's protobuf encoding.</summary>
    public ulong EncodedSizeBytes
    {
        get
        {
            ulong size = 2 + 1 + VarintSize(Term) + 1 + VarintSize(Index); // The type's tag and value, then two tagged numbers.
            return Data.IsEmpty ? size : size + 1 + VarintSize((ulong)Data.Length) + (ulong)Data.Length;
        }
    }

    internal static ulong SizeOf(ReadOnlySpan<Entry> entries)
    {
        ulong size = 0;
        foreach (ref readonly var entry in entries)
            size += entry.EncodedSizeBytes;
        return size;
    }

    /// <summary>
    /// The bytes of the payloads alone. An empty entry counts nothing, so no limit can refuse a new leader's first one.
    /// </summary>
    internal static ulong PayloadSizeOf(ReadOnlySpan<Entry> entries)
    {
        ulong size = 0;
        foreach (ref readonly var entry in entries)
            size += (ulong)entry.Data.Length;
        return size;
    }

    /// <summary>
    /// The longest prefix within <paramref name="maxSizeBytes"/>, but at least one entry, or a large one would never move.
    /// </summary>
    public static ReadOnlyMemory<Entry> LimitSize(ReadOnlyMemory<Entry> entries, ulong maxSizeBytes)
    {
        var span = entries.Span;
        ulong size = 0;
        for (int i = 0; i < span.Length; i++)
        {
            size += span[i].EncodedSizeBytes;
            if (size > maxSizeBytes && i > 0)
                return entries[..i];
        }
        return entries;
    }

    private static ulong VarintSize(ulong value) => (ulong)((BitOperations.Log2(value | 1) / 7) + 1);
}
