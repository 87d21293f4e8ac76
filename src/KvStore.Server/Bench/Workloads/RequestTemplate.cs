using System.Buffers.Binary;
using Google.Protobuf;
using KvStore.Raft;
using KvStore.Server.Bench.Load;

namespace KvStore.Server.Bench.Workloads;

/// <summary>One kind of request, encoded once: each use only changes the digits of its keys and the bytes of its value.</summary>
/// <remarks>
/// It is built from the real message with marks where a key, a key some numbers further on, or the value belong:
/// <code>
/// 00 00 00 01 1c | 0a 10 FEFEFE..FE 12 80 02 FCFCFC..FC          prefix | PutRequest { key = (mark), value = (mark) }
/// </code>
/// </remarks>
internal sealed class RequestTemplate
{
    private const byte KeyMark = 0xfe, FarKeyMark = 0xfd, ValueMark = 0xfc;
    private const int GrpcPrefixBytes = 5;

    /// <summary>Values are cut from here: bytes that no compression shrinks, another cut for each request.</summary>
    private static readonly byte[] _noise = MakeNoise(1 << 20);

    private readonly KeySpace _keys;
    private readonly byte[] _message;
    private readonly List<(int Offset, long Distance)> _keyHoles = [];
    private readonly int _valueOffset;
    private readonly int _valueBytes;
    private int _noiseOffset;

    /// <param name="farKeyDistance">How much larger the number of <see cref="FarKey"/> is than that of <see cref="Key"/>.</param>
    public RequestTemplate(string path, IMessage message, KeySpace keys, int valueBytes = 0, long farKeyDistance = 0)
    {
        Path = path;
        _keys = keys;
        _valueBytes = valueBytes;
        _message = WithGrpcPrefix(message);
        FindHoles(KeyMark, keys.KeyBytes, offset => _keyHoles.Add((offset, 0)));
        FindHoles(FarKeyMark, keys.KeyBytes, offset => _keyHoles.Add((offset, farKeyDistance)));
        int valueOffset = 0;
        if (valueBytes > 0)
            FindHoles(ValueMark, valueBytes, offset => valueOffset = offset);
        _valueOffset = valueOffset;
    }

    public string Path { get; }

    /// <summary>An answer with fewer bytes than this did not bring what was asked for.</summary>
    public int LeastResponseBytes { get; init; }

    /// <summary>The value begins with the time of the request, for whoever watches it.</summary>
    public bool IsTimed { get; init; }

    public static ByteString Key(KeySpace keys) => Mark(KeyMark, keys.KeyBytes);

    public static ByteString FarKey(KeySpace keys) => Mark(FarKeyMark, keys.KeyBytes);

    public static ByteString Value(int valueBytes) => Mark(ValueMark, valueBytes);

    public static byte[] WithGrpcPrefix(IMessage message)
    {
        byte[] framed = new byte[GrpcPrefixBytes + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), framed.Length - GrpcPrefixBytes);
        message.WriteTo(framed.AsSpan(GrpcPrefixBytes));
        return framed;
    }

    /// <summary>The request about key <paramref name="number"/>, with gRPC's prefix; valid until the next call.</summary>
    public ReadOnlySpan<byte> Fill(long number, long now)
    {
        foreach (var (offset, distance) in _keyHoles)
            _keys.Write(number + distance, _message.AsSpan(offset, _keys.KeyBytes));
        if (_valueBytes > 0)
            FillValue(_message.AsSpan(_valueOffset, _valueBytes), now);
        return _message;
    }

    private void FillValue(Span<byte> value, long now)
    {
        // A prime step: the cuts only repeat after as many requests as there are bytes of noise.
        _noiseOffset = (_noiseOffset + 7_919) % _noise.Length;
        for (int filled = 0; filled < value.Length;)
        {
            var cut = _noise.AsSpan((_noiseOffset + filled) % _noise.Length);
            int length = Math.Min(cut.Length, value.Length - filled);
            cut[..length].CopyTo(value[filled..]);
            filled += length;
        }
        if (IsTimed)
            BinaryPrimitives.WriteInt64BigEndian(value, now);
    }

    private void FindHoles(byte mark, int length, Action<int> found)
    {
        var pattern = Mark(mark, length).Span;
        for (int from = GrpcPrefixBytes; from < _message.Length;)
        {
            int distance = _message.AsSpan(from).IndexOf(pattern);
            if (distance < 0)
                return;
            found(from + distance);
            from += distance + length;
        }
    }

    private static ByteString Mark(byte mark, int length)
    {
        Invariant.Holds(length >= 0);
        byte[] bytes = new byte[length];
        Array.Fill(bytes, mark);
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    private static byte[] MakeNoise(int length)
    {
        byte[] noise = new byte[length];
        new Random(1).NextBytes(noise);
        return noise;
    }
}
