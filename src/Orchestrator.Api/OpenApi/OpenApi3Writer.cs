using System.Buffers;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Writes the OpenAPI 3 document of one group and version: its paths, and the definitions that they need.</summary>
internal sealed class OpenApi3Writer(SchemaSet schemas, IReadOnlyList<ApiPath> paths, string version)
{
    private const string ReferencePrefix = "#/components/schemas/";
    private const string Stream = "application/json;stream=watch";

    private readonly ArrayBufferWriter<byte> _buffer = new();

    public byte[] Write()
    {
        using (var writer = new Utf8JsonWriter(_buffer, KubernetesJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("openapi", "3.0.0");
            OpenApiParts.WriteInfo(writer, version);
            writer.WriteStartObject("paths");
            foreach (var path in paths)
                WritePath(writer, path);
            writer.WriteEndObject();
            writer.WriteStartObject("components");
            WriteSchemas(writer);
            WriteSecuritySchemes(writer);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return _buffer.WrittenSpan.ToArray();
    }

    private static void WritePath(Utf8JsonWriter writer, ApiPath path)
    {
        writer.WriteStartObject(path.Path);
        foreach (var operation in path.Operations)
            WriteOperation(writer, path, operation);
        WriteParameters(writer, path.Parameters);
        writer.WriteEndObject();
    }

    private static void WriteOperation(Utf8JsonWriter writer, ApiPath path, ApiOperation operation)
    {
        writer.WriteStartObject(operation.Method);
        OpenApiParts.WriteHead(writer, path, operation);
        WriteParameters(writer, operation.Parameters);
        WriteBody(writer, operation);
        WriteResponses(writer, operation);
        OpenApiParts.WriteAction(writer, operation);
        writer.WriteEndObject();
    }

    private static void WriteParameters(Utf8JsonWriter writer, IReadOnlyList<ApiParameter> parameters)
    {
        if (parameters.Count == 0)
            return;
        writer.WriteStartArray("parameters");
        foreach (var parameter in parameters)
        {
            writer.WriteStartObject();
            OpenApiParts.WriteParameterHead(writer, parameter);
            writer.WriteStartObject("schema");
            writer.WriteString("type", parameter.Type);
            writer.WriteBoolean("uniqueItems", true);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteBody(Utf8JsonWriter writer, ApiOperation operation)
    {
        if (operation.Body is null)
            return;
        writer.WriteStartObject("requestBody");
        writer.WriteStartObject("content");
        foreach (string mediaType in operation.IsPatch ? ApiOperation.PatchTypes : ["*/*"])
            WriteContent(writer, mediaType, operation.Body);
        writer.WriteEndObject();
        if (operation.IsBodyRequired)
            writer.WriteBoolean("required", true);
        writer.WriteEndObject();
    }

    private static void WriteResponses(Utf8JsonWriter writer, ApiOperation operation)
    {
        writer.WriteStartObject("responses");
        foreach (string code in operation.SuccessCodes)
        {
            writer.WriteStartObject(code);
            writer.WriteStartObject("content");
            foreach (string mediaType in ResponseTypes(operation))
                WriteContent(writer, mediaType, operation.Response);
            writer.WriteEndObject();
            writer.WriteString("description", OpenApiParts.CodeText(code));
            writer.WriteEndObject();
        }
        writer.WriteStartObject("401");
        writer.WriteString("description", OpenApiParts.CodeText("401"));
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static string[] ResponseTypes(ApiOperation operation) => operation switch
    {
        { Response: null } => ["*/*"],
        { IsList: true } => [ServedDocument.Json, Stream],
        _ => [ServedDocument.Json],
    };

    private static void WriteContent(Utf8JsonWriter writer, string mediaType, string? definition)
    {
        writer.WriteStartObject(mediaType);
        writer.WriteStartObject("schema");
        if (definition is null)
            writer.WriteString("type", "string");
        else
            writer.WriteString("$ref", ReferencePrefix + definition);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private void WriteSchemas(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("schemas");
        foreach (var schema in NeededSchemas.Of(schemas, paths))
        {
            writer.WritePropertyName(schema.Name!);
            WriteSchema(writer, schema, isDefinition: true);
        }
        writer.WriteEndObject();
    }

    /// <summary>What a property adds to its reference stands beside an allOf, because nothing may stand beside a <c>$ref</c>.</summary>
    private static void WriteSchema(Utf8JsonWriter writer, Schema schema, bool isDefinition)
    {
        string? description = isDefinition || schema.Place is not null ? schema.Description : null;
        bool isBare = description is null && schema.Json.EnumerateObject().All(member => member.Name == "$ref");
        writer.WriteStartObject();
        if (description is not null)
            writer.WriteString("description", description);
        foreach (var member in schema.Json.EnumerateObject())
        {
            switch (member.Name)
            {
                case "$ref" when isBare:
                    writer.WriteString("$ref", ReferencePrefix + member.Value.GetString());
                    break;
                case "$ref":
                    writer.WriteStartArray("allOf");
                    writer.WriteStartObject();
                    writer.WriteString("$ref", ReferencePrefix + member.Value.GetString());
                    writer.WriteEndObject();
                    writer.WriteEndArray();
                    break;
                case "properties":
                    WriteProperties(writer, schema);
                    break;
                case "items":
                    writer.WritePropertyName(member.Name);
                    WriteSchema(writer, schema.Items!, isDefinition: false);
                    break;
                case "additionalProperties":
                    writer.WritePropertyName(member.Name);
                    WriteSchema(writer, schema.AdditionalProperties!, isDefinition: false);
                    break;
                default:
                    member.WriteTo(writer);
                    break;
            }
        }
        writer.WriteEndObject();
    }

    private static void WriteProperties(Utf8JsonWriter writer, Schema schema)
    {
        writer.WriteStartObject("properties");
        foreach (var (name, property) in schema.Properties)
        {
            writer.WritePropertyName(name);
            WriteSchema(writer, property, isDefinition: false);
        }
        writer.WriteEndObject();
    }

    private static void WriteSecuritySchemes(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("securitySchemes");
        writer.WriteStartObject("BearerToken");
        OpenApiParts.WriteBearerToken(writer);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
