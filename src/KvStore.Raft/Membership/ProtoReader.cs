namespace KvStore.Raft;

/// <summary>Reads protobuf fields of the two wire types that membership changes use. The bytes may come from anywhere.</summary>
internal ref struct ProtoReader(ReadOnlyMemory<byte> data)
{
    private ReadOnlyMemory<byte> _rest = data;

    public int Field { get; private set; }

    public ulong Number { get; private set; }

    public ReadOnlyMemory<byte> Payload { get; private set; }

    public bool IsMalformed { get; private set; }

    /// <summary>Moves to the next field; false at the end or at the first byte that makes no sense.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty)
            return false;
        if (!TryVarint(out ulong tag) || !TryVarint(out ulong number))
            return Malformed();
        Field = (int)(tag >> 3);
        Number = number;
        Payload = default;
        return (tag & 7) switch
        {
            0 => true,
            2 => TryPayload(number) || Malformed(),
            _ => Malformed(),
        };
    }

    private bool TryPayload(ulong length)
    {
        if (length > (ulong)_rest.Length)
            return false;
        Payload = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    private bool TryVarint(out ulong value)
    {
        value = 0;
        var span = _rest.Span;
        for (int i = 0; i < span.Length && i < 10; i++)
        {
            value |= (ulong)(span[i] & 0x7f) << (7 * i);
            if (span[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return true;
            }
        }
        return false;
    }

    private bool Malformed()
    {
        IsMalformed = true;
        return false;
    }
}
