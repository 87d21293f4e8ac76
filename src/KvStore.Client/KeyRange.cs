using Google.Protobuf;

namespace KvStore.Client;

/// <summary>One key, or the keys from <see cref="Key"/> up to but not including <see cref="End"/>, in byte order.</summary>
/// <remarks>As on the wire: an empty end means the one key, an end of one zero byte means no end.</remarks>
public readonly record struct KeyRange(ByteString Key, ByteString End)
{
    private static readonly ByteString Zero = ByteString.CopyFrom(0);

    public static KeyRange All { get; } = new(Zero, Zero);

    public static KeyRange Single(Bytes key) => new(key.Value, ByteString.Empty);

    /// <summary>All keys that begin with the prefix; every key for an empty one.</summary>
    public static KeyRange Prefix(Bytes prefix)
    {
        var end = prefix.Value.ToByteArray();
        for (int last = end.Length - 1; last >= 0; last--)
        {
            if (end[last] == byte.MaxValue)
                continue;
            end[last]++;
            return new KeyRange(prefix.Value, ByteString.CopyFrom(end.AsSpan(0, last + 1)));
        }

        return end.Length == 0 ? All : From(prefix);
    }

    /// <summary>The key and all that sort after it.</summary>
    public static KeyRange From(Bytes key) => new(key.Value, Zero);

    public static KeyRange Between(Bytes key, Bytes end) => new(key.Value, end.Value);

    public static implicit operator KeyRange(string key) => Single(key);

    public static implicit operator KeyRange(Bytes key) => Single(key);

    public static implicit operator KeyRange(ByteString key) => Single(key);
}
