using KvStore.Grpc;
using KvStore.Mvcc.Ranges;
using KvStore.Protocol;

namespace KvStore.Server.Services;

/// <summary>A RangeResponse that is written once from stored bytes, and then gives its buffers back.</summary>
internal sealed class RangeAnswer(RangeResult result, ResponseHeader header) : IGrpcMessage
{
    public int CalculateSize() => checked((int)result.CalculateSize(header));

    public void WriteTo(Span<byte> destination)
    {
        result.WriteTo(destination, header);
        result.Dispose();
    }
}
