using KvStore.Server.Bench.Http2;

namespace KvStore.Server.Bench.Workloads;

/// <summary>
/// Walks over the fields of an encoded message without building it: a watch's events come too fast for objects.
/// </summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    /// <summary>The number of the current field; 0 before the first.</summary>
    public int Field { get; private set; }

    /// <summary>The value of a number's field.</summary>
    public ulong Number { get; private set; }

    /// <summary>The bytes of a string, bytes or message field.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Steps to the next field; false at the end.</summary>
    public bool Read()
    {
        if (_rest.IsEmpty)
            return false;
        ulong tag = ReadVarint();
        Field = (int)(tag >> 3);
        switch (tag & 7)
        {
            case 0: Number = ReadVarint(); break;
            case 1: Take(8); break;
            case 2: Bytes = Take(ReadVarint()); break;
            case 5: Take(4); break;
            default: throw new Http2Exception("a message that is no protocol buffer");
        }
        return true;
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int i = 0; i < _rest.Length && i < 10; i++)
        {
            byte octet = _rest[i];
            value |= (ulong)(octet & 0x7f) << (7 * i);
            if ((octet & 0x80) != 0)
                continue;
            _rest = _rest[(i + 1)..];
            return value;
        }
        throw new Http2Exception("a message that ends inside a number");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
            throw new Http2Exception("a message that ends inside a field");
        var bytes = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return bytes;
    }
}
