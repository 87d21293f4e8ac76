namespace KvStore.Grpc;

/// <summary>A response that writes its own wire bytes, so that a hot one can be spliced from stored parts.</summary>
public interface IGrpcMessage
{
    /// <summary>The exact count of bytes that <see cref="WriteTo"/> fills; asked once, just before.</summary>
    int CalculateSize();

    /// <summary>Fills the whole of <paramref name="destination"/>: as many bytes as <see cref="CalculateSize"/> said.</summary>
    void WriteTo(Span<byte> destination);
}
