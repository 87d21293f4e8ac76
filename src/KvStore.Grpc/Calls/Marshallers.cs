using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace KvStore.Grpc;

/// <summary>The marshallers there are: generated protobuf messages, <see cref="IGrpcMessage"/>s and plain bytes.</summary>
public static class Marshallers
{
    /// <summary>Takes wire bytes as they are, unparsed.</summary>
    public static Marshaller<ReadOnlyMemory<byte>> Bytes { get; } = new BytesMarshaller();

    public static Marshaller<T> Protobuf<T>(MessageParser<T> parser)
        where T : class, IMessage<T> => new ProtobufMarshaller<T>(parser);

    /// <summary>The marshaller by which a side that holds the message as <typeparamref name="T"/> reads and writes it.</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> can not stand for this message.</exception>
    internal static Marshaller<T> For<T>(MessageDescriptor message)
    {
        if (typeof(T) == typeof(ReadOnlyMemory<byte>))
            return (Marshaller<T>)(object)Bytes;
        if (typeof(T) == message.ClrType)
            return Create<T>(typeof(ProtobufMarshaller<>), message.Parser);
        if (typeof(T).IsAssignableTo(typeof(IGrpcMessage)))
            return Create<T>(typeof(GrpcMessageMarshaller<>));
        throw new ArgumentException(
            $"{typeof(T).Name} can not stand for the message {message.FullName}: use {message.ClrType?.Name}, "
            + "ReadOnlyMemory<byte> or, for a response, an IGrpcMessage");
    }

    // By reflection, once a method, so that callers' type parameters need no constraints.
    private static Marshaller<T> Create<T>(Type kind, params object[] arguments) =>
        (Marshaller<T>)Activator.CreateInstance(kind.MakeGenericType(typeof(T)), arguments)!;

    private sealed class ProtobufMarshaller<T>(MessageParser<T> parser) : Marshaller<T>
        where T : class, IMessage<T>
    {
        public override int CalculateSize(T message) => message.CalculateSize();

        public override void Write(T message, Span<byte> destination) => message.WriteTo(destination);

        public override T Read(ReadOnlySpan<byte> bytes) => parser.ParseFrom(bytes);

        public override T Read(in ReadOnlySequence<byte> bytes) =>
            bytes.IsSingleSegment ? parser.ParseFrom(bytes.FirstSpan) : parser.ParseFrom(bytes);
    }

    private sealed class GrpcMessageMarshaller<T> : Marshaller<T>
        where T : IGrpcMessage
    {
        public override int CalculateSize(T message) => message.CalculateSize();

        public override void Write(T message, Span<byte> destination) => message.WriteTo(destination);

        public override T Read(ReadOnlySpan<byte> bytes) =>
            throw new NotSupportedException($"{typeof(T).Name} is an IGrpcMessage: such messages are only written");
    }

    private sealed class BytesMarshaller : Marshaller<ReadOnlyMemory<byte>>
    {
        public override int CalculateSize(ReadOnlyMemory<byte> message) => message.Length;

        public override void Write(ReadOnlyMemory<byte> message, Span<byte> destination) => message.Span.CopyTo(destination);

        public override ReadOnlyMemory<byte> Read(ReadOnlySpan<byte> bytes) => bytes.ToArray();
    }
}
