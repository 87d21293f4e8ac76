using System.IO.Compression;

namespace KvStore.Grpc;

/// <summary>How the messages of a call may be compressed: identity or gzip.</summary>
internal static class MessageEncoding
{
    public const string Identity = "identity";
    public const string Gzip = "gzip";
    public const string Accepted = "identity,gzip";

    public static byte[] Compress(ReadOnlySpan<byte> message)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(message);
        return compressed.ToArray();
    }

    /// <summary>Stops as soon as the message turns out larger than allowed, so that a small bomb costs little.</summary>
    /// <exception cref="RpcException">It is larger than <paramref name="maxSize"/>, or no gzip.</exception>
    public static byte[] Decompress(Stream compressed, int maxSize)
    {
        try
        {
            using var gzip = new GZipStream(compressed, CompressionMode.Decompress);
            using var message = new MemoryStream();
            var chunk = new byte[16 * 1024];
            for (int count; (count = gzip.Read(chunk)) > 0;)
            {
                if (message.Length + count > maxSize)
                    throw new RpcException(StatusCode.ResourceExhausted,
                        $"grpc: received message after decompression larger than max {maxSize}");
                message.Write(chunk, 0, count);
            }

            return message.ToArray();
        }
        catch (InvalidDataException exception)
        {
            throw new RpcException(new Status(
                StatusCode.Internal, $"grpc: failed to decompress the received message: {exception.Message}", exception));
        }
    }
}
