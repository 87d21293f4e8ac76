using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace KvStore.Server.Bench.Http2;

/// <summary>A call whose answer is a stream: puts gRPC's messages together from the frames they come in.</summary>
/// <remarks>
/// The prefix of a message is <c>compressed:8 length:32</c>; one frame may hold many messages, one message many frames.
/// </remarks>
internal abstract class MessageStream : ClientStream
{
    private const int PrefixBytes = 5;
    private const int MessageLimit = 16 << 20;

    private readonly List<byte> _partial = [];

    public sealed override void OnData(ReadOnlySpan<byte> data, long now)
    {
        if (_partial.Count == 0)
        {
            // What usually comes: whole messages, read where they lie.
            _partial.AddRange(Split(data, now));
            return;
        }
        _partial.AddRange(data);
        var joined = CollectionsMarshal.AsSpan(_partial);
        if (joined.Length < PrefixBytes || joined.Length < PrefixBytes + LengthOf(joined))
            return;
        int rest = Split(joined, now).Length;
        _partial.RemoveRange(0, _partial.Count - rest);
    }

    protected abstract void OnMessage(ReadOnlySpan<byte> message, long now);

    /// <returns>The beginning of a message that has not come whole.</returns>
    private ReadOnlySpan<byte> Split(ReadOnlySpan<byte> data, long now)
    {
        while (data.Length >= PrefixBytes)
        {
            int end = PrefixBytes + LengthOf(data);
            if (data.Length < end)
                break;
            OnMessage(data[PrefixBytes..end], now);
            data = data[end..];
        }
        return data;
    }

    private static int LengthOf(ReadOnlySpan<byte> prefix)
    {
        if (prefix[0] != 0)
            throw new Http2Exception("a compressed message, which was not asked for");
        uint length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        return length <= MessageLimit ? (int)length : throw new Http2Exception($"a message of {length} bytes");
    }
}
