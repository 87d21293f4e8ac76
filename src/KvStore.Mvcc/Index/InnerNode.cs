namespace KvStore.Mvcc.Index;

/// <summary>Up to 128 children and the separators between them. Only children are swapped in place, else it is copied.</summary>
/// <remarks>Child i holds the keys from separator i - 1 (included) up to separator i.</remarks>
internal sealed class InnerNode
{
    public const int Fanout = 128;

    private readonly byte[] _bytes;
    private readonly int[] _ends;

    // The first 8 bytes of each separator behind the common prefix: nearly every comparison ends there.
    private readonly ulong[] _heads;
    private readonly int _prefixLength;

    /// <summary>Takes the separators [<paramref name="from"/>, <paramref name="to"/>) of a list.</summary>
    public InnerNode(KeyList separators, int from, int to)
    {
        int count = to - from;
        _prefixLength = separators.CommonPrefixLength(from, to);
        _ends = new int[count];
        _heads = new ulong[count];
        _bytes = new byte[count == 0 ? 0 : _prefixLength + separators.BytesOf(from, to) - count * _prefixLength];
        if (count == 0)
            return;
        separators[from][.._prefixLength].CopyTo(_bytes);
        int end = _prefixLength;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> suffix = separators[from + i][_prefixLength..];
            suffix.CopyTo(_bytes.AsSpan(end));
            end += suffix.Length;
            _ends[i] = end;
            _heads[i] = KeyHead.Of(suffix);
        }
    }

    /// <summary>Leaves of the heap; null above the lowest level.</summary>
    public uint[]? Leaves { get; init; }

    /// <summary>Null at the lowest level.</summary>
    public InnerNode[]? Nodes { get; init; }

    public int Count => _ends.Length + 1;

    /// <summary>Managed bytes, roughly.</summary>
    public int MemoryBytes => 160 + _bytes.Length + 12 * _ends.Length + (Leaves is not null ? 4 * Count : 8 * Count);

    public ReadOnlySpan<byte> Prefix => _bytes.AsSpan(0, _prefixLength);

    public ReadOnlySpan<byte> SeparatorSuffix(int index)
    {
        int start = index == 0 ? _prefixLength : _ends[index - 1];
        return _bytes.AsSpan(start, _ends[index] - start);
    }

    public int SeparatorLength(int index) => _prefixLength + SeparatorSuffix(index).Length;

    public void CopySeparator(int index, Span<byte> destination)
    {
        Prefix.CopyTo(destination);
        SeparatorSuffix(index).CopyTo(destination[_prefixLength..]);
    }

    /// <summary>The child that the key belongs to.</summary>
    public int ChildOf(ReadOnlySpan<byte> key)
    {
        int common = Math.Min(_prefixLength, key.Length);
        int order = key[..common].SequenceCompareTo(_bytes.AsSpan(0, common));
        if (order != 0 || common < _prefixLength)
            return order > 0 ? _ends.Length : 0;
        ReadOnlySpan<byte> suffix = key[_prefixLength..];
        ulong head = KeyHead.Of(suffix);
        ulong[] heads = _heads;
        int low = 0;
        int high = heads.Length;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            ulong other = heads[middle];
            bool isAtOrBelow = other != head ? other < head : SeparatorSuffix(middle).SequenceCompareTo(suffix) <= 0;
            if (isAtOrBelow)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
