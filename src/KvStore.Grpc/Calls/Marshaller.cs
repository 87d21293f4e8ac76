using System.Buffers;

namespace KvStore.Grpc;

/// <summary>Turns one kind of message into wire bytes and back.</summary>
public abstract class Marshaller<T>
{
    public abstract int CalculateSize(T message);

    /// <summary>Fills the whole of <paramref name="destination"/>, as long as <see cref="CalculateSize"/> said.</summary>
    public abstract void Write(T message, Span<byte> destination);

    /// <exception cref="Google.Protobuf.InvalidProtocolBufferException">The bytes are no such message.</exception>
    public abstract T Read(ReadOnlySpan<byte> bytes);

    /// <inheritdoc cref="Read(ReadOnlySpan{byte})"/>
    public virtual T Read(in ReadOnlySequence<byte> bytes) =>
        bytes.IsSingleSegment ? Read(bytes.FirstSpan) : Read(bytes.ToArray());
}
