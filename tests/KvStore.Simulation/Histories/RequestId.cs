using System.Buffers.Binary;
using Google.Protobuf;

namespace KvStore.Simulation.Histories;

/// <summary>What tells a client's requests apart in the log, however alike they are.</summary>
/// <remarks>It stands behind the request's bytes as a field that nobody knows; what members propose themselves has none.</remarks>
internal readonly record struct RequestId(long Value)
{
    /// <summary>Field 1001, fixed64.</summary>
    private static ReadOnlySpan<byte> Tag => [0xC9, 0x3E];

    public byte[] Encode(IMessage request)
    {
        int size = request.CalculateSize();
        var payload = new byte[size + Tag.Length + sizeof(long)];
        request.WriteTo(payload.AsSpan(0, size));
        Tag.CopyTo(payload.AsSpan(size));
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(size + Tag.Length), Value);
        return payload;
    }

    /// <returns>Null for what no client asked for.</returns>
    public static RequestId? Of(ReadOnlySpan<byte> payload)
    {
        int at = payload.Length - sizeof(long);
        bool isMarked = at >= Tag.Length && payload[(at - Tag.Length)..at].SequenceEqual(Tag);
        return isMarked ? new RequestId(BinaryPrimitives.ReadInt64LittleEndian(payload[at..])) : null;
    }
}
