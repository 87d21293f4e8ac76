using Google.Protobuf;

namespace KvStore.Client;

/// <summary>A key or a value: bytes, made from what one has. A string stands for its UTF-8.</summary>
public readonly record struct Bytes
{
    private readonly ByteString? _value;

    public Bytes(ByteString value) => _value = value;

    public ByteString Value => _value ?? ByteString.Empty;

    public static implicit operator Bytes(string text) => new(ByteString.CopyFromUtf8(text));

    public static implicit operator Bytes(ByteString bytes) => new(bytes);

    public static implicit operator Bytes(byte[] bytes) => new(ByteString.CopyFrom(bytes));

    public override string ToString() => Value.ToStringUtf8();
}
