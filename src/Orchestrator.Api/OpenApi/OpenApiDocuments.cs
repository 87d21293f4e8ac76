using System.Buffers;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>The descriptions of the API that clients check and explain objects by: OpenAPI 3 by group and version, and OpenAPI 2 in one,
/// each made when it is first asked for and then kept.</summary>
public sealed class OpenApiDocuments
{
    /// <summary>What clients of OpenAPI 2 ask for.</summary>
    public const string Swagger2Protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

    /// <summary>The same, as newer clients spell it.</summary>
    public const string Swagger2ProtobufAt = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

    private readonly Lazy<SortedDictionary<string, ServedDocument>> _version3;
    private readonly Lazy<ServedDocument> _index;
    private readonly Lazy<ServedDocument> _swagger;
    private readonly Lazy<ServedDocument> _swaggerProtobuf;

    /// <param name="schemas">Where the definitions are.</param>
    /// <param name="resources">What is served.</param>
    /// <param name="version">The server's: <c>v1.33.1</c>.</param>
    public OpenApiDocuments(SchemaSet schemas, ResourceTable resources, string version)
    {
        _version3 = new(() => WriteVersion3(schemas, resources, version));
        _index = new(() => WriteIndex(_version3.Value));
        _swagger = new(() => ServedDocument.Of(
            new Swagger2Writer(schemas, new ServedPaths(schemas, resources).All, version).Write(), ServedDocument.Json));
        _swaggerProtobuf = new(() =>
        {
            using var document = JsonDocument.Parse(_swagger.Value.Body);
            return ServedDocument.Of(Swagger2Encoder.Encode(document.RootElement), Swagger2Protobuf);
        });
    }

    /// <summary><c>/openapi/v3</c>: where each document is; an address changes with what is there.</summary>
    public ServedDocument Index => _index.Value;

    /// <summary><c>/openapi/v2</c> in JSON.</summary>
    public ServedDocument Swagger => _swagger.Value;

    /// <summary><c>/openapi/v2</c> in protobuf.</summary>
    public ServedDocument SwaggerProtobuf => _swaggerProtobuf.Value;

    /// <summary>The paths below <c>/openapi/v3/</c>.</summary>
    public IReadOnlyCollection<string> Paths => _version3.Value.Keys;

    /// <summary>One of <c>/openapi/v3/</c>: <c>api/v1</c>, <c>apis/apps/v1</c>. Null where nothing is served.</summary>
    public ServedDocument? Find(string path) => _version3.Value.GetValueOrDefault(path);

    private static SortedDictionary<string, ServedDocument> WriteVersion3(SchemaSet schemas, ResourceTable resources, string version)
    {
        var documents = new SortedDictionary<string, ServedDocument>(StringComparer.Ordinal);
        foreach (var paths in new ServedPaths(schemas, resources).All.GroupBy(path => ServedPaths.Root(path.Group, path.Version)))
            documents.Add(paths.Key, ServedDocument.Of(new OpenApi3Writer(schemas, [.. paths], version).Write(), ServedDocument.Json));
        return documents;
    }

    private static ServedDocument WriteIndex(SortedDictionary<string, ServedDocument> documents)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, KubernetesJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("paths");
            foreach (var (path, document) in documents)
            {
                writer.WriteStartObject(path);
                writer.WriteString("serverRelativeURL", $"/openapi/v3/{path}?hash={document.Hash}");
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return ServedDocument.Of(buffer.WrittenSpan.ToArray(), ServedDocument.Json);
    }
}
