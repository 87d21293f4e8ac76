using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Objects of the API as JSON documents and back.</summary>
public static class KubernetesJson
{
    /// <summary>Deeper documents are refused: nothing that Kubernetes defines nests like that.</summary>
    public const int DepthLimit = 512;

    private const int FirstBufferBytes = 4096;

    /// <summary>A buffer that has grown beyond this is not kept.</summary>
    private const int KeptBufferBytesLimit = 1 << 20;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? keptBuffer;

    [ThreadStatic]
    private static Utf8JsonWriter? keptWriter;

    /// <summary>For whoever writes such documents in part by hand.</summary>
    public static JsonWriterOptions WriterOptions { get; } =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static readonly JsonReaderOptions ReaderOptions = new() { MaxDepth = DepthLimit };

    public static byte[] Serialize(IKubernetesValue value)
    {
        var buffer = keptBuffer ?? new ArrayBufferWriter<byte>(FirstBufferBytes);
        var writer = keptWriter ?? new Utf8JsonWriter(buffer, WriterOptions);
        // Away while it is in use, so that a failure half-way leaves nothing behind.
        keptBuffer = null;
        keptWriter = null;
        writer.Reset(buffer);
        value.WriteTo(writer);
        writer.Flush();
        byte[] utf8 = buffer.WrittenSpan.ToArray();
        if (buffer.Capacity <= KeptBufferBytesLimit)
        {
            buffer.ResetWrittenCount();
            keptBuffer = buffer;
            keptWriter = writer;
        }
        return utf8;
    }

    public static void Serialize(IKubernetesValue value, IBufferWriter<byte> output)
    {
        using var writer = new Utf8JsonWriter(output, WriterOptions);
        value.WriteTo(writer);
    }

    /// <exception cref="JsonException">It is no JSON, or a value does not fit its field; the message is what Kubernetes says.</exception>
    public static T Deserialize<T>(ReadOnlySpan<byte> utf8)
        where T : class, IKubernetesValue<T>
    {
        try
        {
            var reader = new Utf8JsonReader(utf8, ReaderOptions);
            var value = T.ReadFrom(ref reader);
            reader.Read();
            return value;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw Explain(exception, utf8, T.Definition);
        }
    }

    /// <summary>Reads a kind that is known only at run time.</summary>
    /// <exception cref="JsonException">It is no JSON, or a value does not fit its field; the message is what Kubernetes says.</exception>
    /// <exception cref="ArgumentException">There is no such kind.</exception>
    public static IKubernetesObject Deserialize(GroupVersionKind kind, ReadOnlySpan<byte> utf8)
    {
        var registered = KindRegistry.Find(kind)
            ?? throw new ArgumentException($"no kind \"{kind.Kind}\" is registered for version \"{kind.ApiVersion}\"", nameof(kind));
        try
        {
            var reader = new Utf8JsonReader(utf8, ReaderOptions);
            var value = registered.ReadFrom(ref reader);
            reader.Read();
            return value;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw Explain(exception, utf8, registered.Definition);
        }
    }

    /// <summary>An empty object of the kind; null where there is no such kind.</summary>
    public static IKubernetesObject? Create(GroupVersionKind kind) => KindRegistry.Find(kind)?.Create();

    private static JsonException Explain(Exception exception, ReadOnlySpan<byte> utf8, string definition) => exception switch
    {
        FieldReadException field => new JsonException(
            TypeMismatch.Describe(utf8, SchemaSet.Kubernetes.Get(definition), field.TokenStart) ?? field.Message, exception),
        JsonException => new JsonException(SyntaxFault.Describe(utf8) ?? exception.Message, exception),
        // A string that is not UTF-8.
        _ => new JsonException(exception.Message, exception),
    };
}
