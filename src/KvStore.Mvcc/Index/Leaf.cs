using System.Runtime.CompilerServices;

namespace KvStore.Mvcc.Index;

/// <summary>At most 2 KiB of sorted keys with their newest changes: the packed bytes, or a reader's copy of them.</summary>
/// <remarks>
/// <code>
///  0             4       6          8      10         12      14
///  | sequence u32 | count | prefix len | size | capacity | flags | 0 |                        16 bytes
///  | LeafEntry x count |                                                                      24 bytes each
///  | end of suffix u16 x count | prefix | suffixes ... |                                      size bytes in all
///
///  keys "pods/a" "pods/bc":  prefix "pods/", suffixes "a" "bc", ends 1 3
///  a long key (flag 1) is alone in its leaf and lies elsewhere:  header | entry | address i64 | length i32 |
/// </code>
/// The writer makes the sequence odd before it changes a byte and even afterwards. Never more bytes than the capacity: a reader
/// copies <see cref="Size"/> bytes before it knows whether they make sense.
/// </remarks>
internal readonly unsafe struct Leaf(byte* address)
{
    public const int MaxSize = 2048;
    public const int MinSize = 64;

    /// <summary>What a reader's copy needs: a search may read a little beyond the end.</summary>
    public const int CopySize = MaxSize + 8;

    public const int HeaderSize = 16;

    public const int MaxCount = (MaxSize - HeaderSize) / LeafEntry.Size;

    /// <summary>Four of the longest keys still fit into a leaf, so that each split finds a place.</summary>
    public const int MaxInlineKey = 480;

    private const ushort LongKeyFlag = 1;

    public byte* Address => address;

    public ref uint Sequence => ref *(uint*)address;

    public int Count
    {
        get => ((ushort*)address)[2];
        set => ((ushort*)address)[2] = (ushort)value;
    }

    public int PrefixLength
    {
        get => ((ushort*)address)[3];
        private set => ((ushort*)address)[3] = (ushort)value;
    }

    public int Size
    {
        get => ((ushort*)address)[4];
        private set => ((ushort*)address)[4] = (ushort)value;
    }

    public int Capacity
    {
        get => ((ushort*)address)[5];
        private set => ((ushort*)address)[5] = (ushort)value;
    }

    public bool IsLong => (((ushort*)address)[6] & LongKeyFlag) != 0;

    public LeafEntry* Entries => (LeafEntry*)(address + HeaderSize);

    public ReadOnlySpan<byte> Prefix => new(address + EndsOffset(Count) + 2 * Count, PrefixLength);

    public byte* LongKeyAddress => *(byte**)(address + HeaderSize + LeafEntry.Size);

    public ReadOnlySpan<byte> LongKey => new(LongKeyAddress, *(int*)(address + HeaderSize + LeafEntry.Size + 8));

    /// <summary>Of each suffix, counted from <see cref="Suffixes"/>.</summary>
    public ushort* Ends => (ushort*)(address + EndsOffset(Count));

    public byte* Suffixes => address + EndsOffset(Count) + 2 * Count + PrefixLength;

    /// <summary>The capacity to give a leaf of this size: a tenth more, so that not every insertion moves it.</summary>
    public static int CapacityFor(int size) => Math.Min(MaxSize, (size + size / 10 + 63) & ~63);

    public static int PackedSize(int count, int prefixLength, int suffixBytes) =>
        EndsOffset(count) + 2 * count + prefixLength + suffixBytes;

    /// <summary>Writes the header but for the sequence, which belongs to whoever guards the change.</summary>
    public void Initialize(int capacity, int count = 0, int prefixLength = 0, int suffixBytes = 0)
    {
        Unsafe.InitBlock(address + sizeof(uint), 0, HeaderSize - sizeof(uint));
        Capacity = capacity;
        Count = count;
        PrefixLength = prefixLength;
        Size = PackedSize(count, prefixLength, suffixBytes);
    }

    public void InitializeLong(int capacity, byte* key, int keyLength, in LeafEntry entry)
    {
        Initialize(capacity, 1);
        ((ushort*)address)[6] = LongKeyFlag;
        Entries[0] = entry;
        *(byte**)(address + HeaderSize + LeafEntry.Size) = key;
        *(int*)(address + HeaderSize + LeafEntry.Size + 8) = keyLength;
        Size = HeaderSize + LeafEntry.Size + 12;
    }

    /// <summary>Fills a block of larger capacity with the same keys.</summary>
    public void CopyTo(Leaf other, int capacity)
    {
        Buffer.MemoryCopy(address, other.Address, capacity, Size);
        other.Capacity = capacity;
    }

    public ReadOnlySpan<byte> Suffix(int position)
    {
        int start = position == 0 ? 0 : Ends[position - 1];
        return new ReadOnlySpan<byte>(Suffixes + start, Ends[position] - start);
    }

    public int KeyLength(int position) => PrefixLength + Suffix(position).Length;

    /// <summary>Position of the first key that is not below <paramref name="key"/>.</summary>
    /// <param name="isFound">That key is equal.</param>
    public int LowerBound(ReadOnlySpan<byte> key, out bool isFound)
    {
        isFound = false;
        int count = Count;
        if (count == 0)
            return 0;
        if (IsLong)
        {
            int order = key.SequenceCompareTo(LongKey);
            isFound = order == 0;
            return order <= 0 ? 0 : 1;
        }
        int prefixLength = PrefixLength;
        int common = Math.Min(prefixLength, key.Length);
        int prefixOrder = key[..common].SequenceCompareTo(Prefix[..common]);
        if (prefixOrder != 0 || common < prefixLength)
            return prefixOrder > 0 ? count : 0;
        return LowerBoundOfSuffix(key[prefixLength..], count, out isFound);
    }

    public bool HasPrefixOf(ReadOnlySpan<byte> key) => key.StartsWith(Prefix);

    /// <summary>Inserts a key that has this leaf's prefix and fits the capacity. The caller guards it by the sequence.</summary>
    public void Insert(int position, ReadOnlySpan<byte> key, in LeafEntry entry)
    {
        int count = Count;
        int prefixLength = PrefixLength;
        ReadOnlySpan<byte> suffix = key[prefixLength..];
        int suffixStart = position == 0 ? 0 : Ends[position - 1];
        int suffixBytes = Size - PackedSize(count, prefixLength, 0);

        // Everything moves up, so the highest bytes go first.
        byte* strings = address + EndsOffset(count) + 2 * count;
        byte* newStrings = address + EndsOffset(count + 1) + 2 * (count + 1);
        int before = prefixLength + suffixStart;
        Move(strings + before, newStrings + before + suffix.Length, suffixBytes - suffixStart);
        Move(strings, newStrings, before);
        suffix.CopyTo(new Span<byte>(newStrings + before, suffix.Length));

        var ends = (ushort*)(address + EndsOffset(count));
        var newEnds = (ushort*)(address + EndsOffset(count + 1));
        for (int i = count - 1; i >= position; i--)
            newEnds[i + 1] = (ushort)(ends[i] + suffix.Length);
        Move((byte*)ends, (byte*)newEnds, 2 * position);
        newEnds[position] = (ushort)(suffixStart + suffix.Length);

        Move((byte*)(Entries + position), (byte*)(Entries + position + 1), (count - position) * LeafEntry.Size);
        Entries[position] = entry;
        Count = count + 1;
        Size = PackedSize(count + 1, prefixLength, suffixBytes + suffix.Length);
    }

    /// <summary>Writes the keys [<paramref name="from"/>, <paramref name="to"/>) into this fresh block.</summary>
    public void Fill(int capacity, KeyList keys, ReadOnlySpan<LeafEntry> entries, int from, int to)
    {
        int count = to - from;
        int prefixLength = keys.CommonPrefixLength(from, to);
        Initialize(capacity, count, prefixLength, keys.BytesOf(from, to) - prefixLength * count);
        entries[from..to].CopyTo(new Span<LeafEntry>(Entries, count));
        if (count == 0)
            return;
        keys[from][..prefixLength].CopyTo(new Span<byte>(address + EndsOffset(count) + 2 * count, prefixLength));
        int end = 0;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> suffix = keys[from + i][prefixLength..];
            suffix.CopyTo(new Span<byte>(Suffixes + end, suffix.Length));
            end += suffix.Length;
            Ends[i] = (ushort)end;
        }
    }

    private static int EndsOffset(int count) => HeaderSize + count * LeafEntry.Size;

    private static void Move(byte* from, byte* to, int length) => Buffer.MemoryCopy(from, to, length, length);

    private int LowerBoundOfSuffix(ReadOnlySpan<byte> suffix, int count, out bool isFound)
    {
        ushort* ends = Ends;
        byte* suffixes = (byte*)(ends + count) + PrefixLength;
        ulong head = KeyHead.Of(suffix);
        int low = 0;
        int high = count;
        isFound = false;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            int start = middle == 0 ? 0 : ends[middle - 1];
            int length = ends[middle] - start;
            // Up to 8 bytes beyond the leaf's end: blocks and copies have that much room behind them.
            ulong other = KeyHead.Of(suffixes + start, length);
            int order = head != other
                ? (head > other ? 1 : -1)
                : suffix.SequenceCompareTo(new ReadOnlySpan<byte>(suffixes + start, length));
            if (order == 0)
            {
                isFound = true;
                return middle;
            }
            if (order > 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
