using KvStore.Raft;
using KvStore.Storage;

namespace KvStore.Server.Peers.Wire;

/// <summary>Frames that go out together: small things are copied side by side and written once, large payloads where they lie.</summary>
internal sealed class FrameBatch(NodeId sender, int frameLimitBytes)
{
    /// <summary>From here on another write costs less than the copy.</summary>
    private const int ReferenceFromBytes = 64 << 10;

    private const int UsualBytes = 32 << 10;

    private readonly List<(int Position, ReadOnlyMemory<byte> Bytes)> _references = [];
    private byte[] _buffer = new byte[UsualBytes];
    private int _length;

    /// <summary>All bytes of the batch.</summary>
    public long SizeBytes { get; private set; }

    public void AddPing(ulong number)
    {
        const int size = Frame.HeaderBytes + 1 + sizeof(ulong);
        var frame = Reserve(size)[..size];
        frame[Frame.HeaderBytes] = (byte)FrameKind.Ping;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(frame[(Frame.HeaderBytes + 1)..], number);
        Frame.Seal(frame);
        Commit(size);
    }

    /// <returns>False, and nothing is added, when the message is larger than any may be.</returns>
    public bool TryAdd(Message message)
    {
        long headBytes = MessageCodec.MaxHeadBytes(message);
        var entries = message.Entries.Span;
        long copied = 0;
        long payload = 0;
        foreach (ref readonly var entry in entries)
        {
            payload += entry.Data.Length;
            copied += entry.Data.Length < ReferenceFromBytes ? entry.Data.Length : 0;
        }
        if (headBytes + payload > frameLimitBytes || entries.Length > MessageCodec.EntryLimit)
            return false;
        var target = Reserve(Frame.HeaderBytes + (int)headBytes + (int)copied);
        int head = MessageCodec.EncodeHead(message, sender, target[Frame.HeaderBytes..]);
        uint crc = Crc32C.Of(target.Slice(Frame.HeaderBytes, head));
        int position = Frame.HeaderBytes + head;
        foreach (ref readonly var entry in entries)
            crc = AddPayload(entry.Data, target, ref position, crc);
        Frame.WriteHeader(target, head + (int)payload, crc);
        Commit(position);
        return true;
    }

    public async ValueTask WriteToAsync(Stream stream, CancellationToken cancellation)
    {
        int from = 0;
        foreach (var (position, bytes) in _references)
        {
            if (position > from)
                await stream.WriteAsync(_buffer.AsMemory(from, position - from), cancellation);
            await stream.WriteAsync(bytes, cancellation);
            from = position;
        }
        if (_length > from)
            await stream.WriteAsync(_buffer.AsMemory(from, _length - from), cancellation);
    }

    public void Clear()
    {
        (_length, SizeBytes) = (0, 0);
        _references.Clear();
        if (_buffer.Length > 16 * UsualBytes)
            _buffer = new byte[UsualBytes];
    }

    private uint AddPayload(ReadOnlyMemory<byte> data, Span<byte> target, ref int position, uint crc)
    {
        if (data.Length < ReferenceFromBytes)
        {
            data.Span.CopyTo(target[position..]);
            position += data.Length;
        }
        else
        {
            _references.Add((_length + position, data));
            SizeBytes += data.Length;
        }
        return Crc32C.Append(crc, data.Span);
    }

    private Span<byte> Reserve(int size)
    {
        if (_buffer.Length - _length < size)
            Array.Resize(ref _buffer, Math.Max(2 * _buffer.Length, _length + size));
        return _buffer.AsSpan(_length);
    }

    private void Commit(int size)
    {
        _length += size;
        SizeBytes += size;
    }
}
