using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;

namespace KvStore.Grpc;

/// <summary>A message on the wire.</summary>
/// <remarks>
/// <code>
/// | compressed: 1 | length: 4, big endian | message |
/// </code>
/// </remarks>
internal static class MessageFrame
{
    public const int HeaderSize = 5;

    /// <summary>Takes one message off the front of <paramref name="buffer"/>, if it is all there.</summary>
    /// <param name="isGzip">Whether the call's grpc-encoding is gzip.</param>
    /// <param name="bytes">Given an array, the message's own bytes; else only its size.</param>
    /// <exception cref="RpcException">The message is too large or broken.</exception>
    public static bool TryRead<T>(
        ref ReadOnlySequence<byte> buffer, Marshaller<T> marshaller, int maxSize, bool isGzip, bool keepBytes,
        out T message, out ReceivedBytes bytes)
    {
        if (!TryReadHeader(buffer, out var isCompressed, out var length))
        {
            message = default!;
            bytes = default;
            return false;
        }

        if (length > (uint)maxSize)
            throw TooLarge(length, maxSize);
        if (buffer.Length - HeaderSize < length)
        {
            message = default!;
            bytes = default;
            return false;
        }

        var payload = buffer.Slice(HeaderSize, length);
        buffer = buffer.Slice(payload.End);
        if (isCompressed)
            payload = new ReadOnlySequence<byte>(Decompress(payload, maxSize, isGzip));
        var kept = keepBytes ? payload.ToArray() : null;
        bytes = new ReceivedBytes((int)payload.Length, kept);
        message = Parse(marshaller, kept is null ? payload : new ReadOnlySequence<byte>(kept));
        return true;
    }

    /// <summary>Puts one message into the writer's buffer; flushes nothing.</summary>
    /// <param name="compressFrom">Messages from this size on are compressed with gzip.</param>
    /// <returns>The size of the message, uncompressed.</returns>
    /// <exception cref="RpcException">It is larger than <paramref name="maxSize"/>; nothing is written.</exception>
    public static int Write<T>(PipeWriter output, Marshaller<T> marshaller, T message, int maxSize, int compressFrom)
    {
        var size = marshaller.CalculateSize(message);
        if (size > maxSize)
            throw new RpcException(
                StatusCode.ResourceExhausted, $"grpc: trying to send message larger than max ({size} vs. {maxSize})");
        if (size >= compressFrom)
        {
            WriteCompressed(output, marshaller, message, size);
            return size;
        }

        var frame = output.GetSpan(HeaderSize + size)[..(HeaderSize + size)];
        frame[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(frame[1..], size);
        marshaller.Write(message, frame[HeaderSize..]);
        output.Advance(frame.Length);
        return size;
    }

    /// <summary>Why the other side's messages may not end here.</summary>
    public static RpcException EndedEarly(in ReadOnlySequence<byte> rest) => rest.IsEmpty
        ? new RpcException(StatusCode.Internal, "grpc: the stream ended without the message that the method needs")
        : new RpcException(StatusCode.Internal, "grpc: unexpected EOF: the stream ended in the middle of a message");

    private static bool TryReadHeader(in ReadOnlySequence<byte> buffer, out bool isCompressed, out uint length)
    {
        isCompressed = false;
        length = 0;
        if (buffer.Length < HeaderSize)
            return false;
        Span<byte> copy = stackalloc byte[HeaderSize];
        scoped var header = buffer.FirstSpan;
        if (header.Length < HeaderSize)
        {
            buffer.Slice(0, HeaderSize).CopyTo(copy);
            header = copy;
        }

        if (header[0] > 1)
            throw new RpcException(StatusCode.Internal, $"grpc: received unexpected payload format {header[0]}");
        isCompressed = header[0] == 1;
        length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        return true;
    }

    private static T Parse<T>(Marshaller<T> marshaller, in ReadOnlySequence<byte> payload)
    {
        try
        {
            return marshaller.Read(payload);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new RpcException(new Status(
                StatusCode.Internal, $"grpc: failed to unmarshal the received message: {exception.Message}", exception));
        }
    }

    private static byte[] Decompress(in ReadOnlySequence<byte> payload, int maxSize, bool isGzip)
    {
        if (!isGzip)
            throw new RpcException(StatusCode.Internal, "grpc: compressed flag set with identity or empty encoding");
        using var compressed = new MemoryStream(payload.ToArray());
        return MessageEncoding.Decompress(compressed, maxSize);
    }

    private static void WriteCompressed<T>(PipeWriter output, Marshaller<T> marshaller, T message, int size)
    {
        var plain = new byte[size];
        marshaller.Write(message, plain);
        var compressed = MessageEncoding.Compress(plain);
        var frame = output.GetSpan(HeaderSize + compressed.Length)[..(HeaderSize + compressed.Length)];
        frame[0] = 1;
        BinaryPrimitives.WriteInt32BigEndian(frame[1..], compressed.Length);
        compressed.CopyTo(frame[HeaderSize..]);
        output.Advance(frame.Length);
    }

    private static RpcException TooLarge(uint length, int maxSize) =>
        new(StatusCode.ResourceExhausted, $"grpc: received message larger than max ({length} vs. {maxSize})");
}

/// <summary>What is left of a message's wire bytes after parsing: their count and, where asked for, a copy.</summary>
internal readonly record struct ReceivedBytes(int Size, byte[]? Kept);
