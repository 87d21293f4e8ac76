namespace KvStore.Mvcc.Index;

/// <summary>A single key, or the keys from <see cref="Start"/> up to <see cref="End"/>.</summary>
/// <remarks>
/// Follows the protocol: no end is the single key; the end "\0" is every key from the start on; an end at or below the start
/// is an empty range.
/// </remarks>
public readonly struct KeyRange(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> rangeEnd)
{
    /// <summary>Every key.</summary>
    public static readonly KeyRange All = From(new byte[1]);

    /// <summary>Every key from this one on.</summary>
    public static KeyRange From(ReadOnlyMemory<byte> key) => new(key, new byte[1]);

    public ReadOnlyMemory<byte> Start { get; } = key;

    /// <summary>Exclusive; meaningless when <see cref="IsSingleKey"/> or <see cref="IsOpenEnded"/>.</summary>
    public ReadOnlyMemory<byte> End { get; } = rangeEnd;

    public bool IsSingleKey => End.IsEmpty;

    public bool IsOpenEnded => End.Length == 1 && End.Span[0] == 0;

    public bool IsEmpty => !IsSingleKey && !IsOpenEnded && End.Span.SequenceCompareTo(Start.Span) <= 0;

    public bool Contains(ReadOnlySpan<byte> key) => IsSingleKey
        ? key.SequenceEqual(Start.Span)
        : key.SequenceCompareTo(Start.Span) >= 0 && (IsOpenEnded || key.SequenceCompareTo(End.Span) < 0);
}
