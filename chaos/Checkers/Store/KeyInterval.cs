using Google.Protobuf;

namespace KvStore.Chaos.Checkers.Store;

/// <summary>The keys that a request means by key and range_end, as etcd reads them.</summary>
internal readonly record struct KeyInterval(ByteString Key, ByteString End)
{
    public bool IsSingle => End.IsEmpty;

    /// <summary>A range_end of one zero byte: all keys from <see cref="Key"/> on.</summary>
    public bool IsOpen => End.Length == 1 && End[0] == 0;

    public static KeyInterval Prefix(string prefix)
    {
        byte[] end = System.Text.Encoding.UTF8.GetBytes(prefix);
        end[^1]++;
        return new(ByteString.CopyFromUtf8(prefix), ByteString.CopyFrom(end));
    }

    public bool Contains(ByteString key)
    {
        if (IsSingle)
            return key.Equals(Key);
        return Compare(key, Key) >= 0 && (IsOpen || Compare(key, End) < 0);
    }

    public static int Compare(ByteString left, ByteString right) => left.Span.SequenceCompareTo(right.Span);
}
