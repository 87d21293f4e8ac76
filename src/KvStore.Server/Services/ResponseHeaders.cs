using KvStore.Protocol;

namespace KvStore.Server.Services;

/// <summary>The header of an answer on the wire, for answers that write themselves.</summary>
internal static class ResponseHeaders
{
    public static void Write(ref WireWriter writer, ResponseHeader header)
    {
        writer.Begin(1, header.CalculateSize());
        writer.Varint(1, header.ClusterId);
        writer.Varint(2, header.MemberId);
        writer.Varint(3, (ulong)header.Revision);
        writer.Varint(4, header.RaftTerm);
    }
}
