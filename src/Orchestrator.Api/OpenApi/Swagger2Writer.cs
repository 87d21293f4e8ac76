using System.Buffers;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Writes all groups' paths and definitions as one document of OpenAPI 2.</summary>
internal sealed class Swagger2Writer(SchemaSet schemas, IReadOnlyList<ApiPath> paths, string version)
{
    private const string ReferencePrefix = "#/definitions/";
    private const string Stream = "application/json;stream=watch";

    private readonly ArrayBufferWriter<byte> _buffer = new();

    public byte[] Write()
    {
        using (var writer = new Utf8JsonWriter(_buffer, KubernetesJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("swagger", "2.0");
            OpenApiParts.WriteInfo(writer, version);
            writer.WriteStartObject("paths");
            foreach (var path in paths)
                WritePath(writer, path);
            writer.WriteEndObject();
            writer.WriteStartObject("definitions");
            foreach (var schema in NeededSchemas.Of(schemas, paths))
            {
                writer.WritePropertyName(schema.Name!);
                WriteSchema(writer, schema, isDefinition: true);
            }
            writer.WriteEndObject();
            writer.WriteStartObject("securityDefinitions");
            writer.WriteStartObject("BearerToken");
            OpenApiParts.WriteBearerToken(writer);
            writer.WriteEndObject();
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
        WriteParameters(writer, path.Parameters, null, isBodyRequired: false);
        writer.WriteEndObject();
    }

    private static void WriteOperation(Utf8JsonWriter writer, ApiPath path, ApiOperation operation)
    {
        writer.WriteStartObject(operation.Method);
        OpenApiParts.WriteHead(writer, path, operation);
        WriteTexts(writer, "consumes", operation.IsPatch ? ApiOperation.PatchTypes : ["*/*"]);
        WriteTexts(writer, "produces", operation switch
        {
            { Response: null } => ["*/*"],
            { IsList: true } => [ServedDocument.Json, Stream],
            _ => [ServedDocument.Json],
        });
        WriteTexts(writer, "schemes", ["https"]);
        WriteParameters(writer, operation.Parameters, operation.Body, operation.IsBodyRequired);
        writer.WriteStartObject("responses");
        foreach (string code in operation.SuccessCodes)
            WriteResponse(writer, code, operation.Response);
        writer.WriteStartObject("401");
        writer.WriteString("description", OpenApiParts.CodeText("401"));
        writer.WriteEndObject();
        writer.WriteEndObject();
        OpenApiParts.WriteAction(writer, operation);
        writer.WriteEndObject();
    }

    private static void WriteParameters(Utf8JsonWriter writer, IReadOnlyList<ApiParameter> parameters, string? body, bool isBodyRequired)
    {
        if (parameters.Count == 0 && body is null)
            return;
        writer.WriteStartArray("parameters");
        foreach (var parameter in parameters)
        {
            writer.WriteStartObject();
            OpenApiParts.WriteParameterHead(writer, parameter);
            writer.WriteString("type", parameter.Type);
            writer.WriteBoolean("uniqueItems", true);
            writer.WriteEndObject();
        }
        if (body is not null)
        {
            writer.WriteStartObject();
            writer.WriteString("in", "body");
            writer.WriteString("name", "body");
            if (isBodyRequired)
                writer.WriteBoolean("required", true);
            writer.WriteStartObject("schema");
            writer.WriteString("$ref", ReferencePrefix + body);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteResponse(Utf8JsonWriter writer, string code, string? definition)
    {
        writer.WriteStartObject(code);
        writer.WriteString("description", OpenApiParts.CodeText(code));
        writer.WriteStartObject("schema");
        if (definition is null)
            writer.WriteString("type", "string");
        else
            writer.WriteString("$ref", ReferencePrefix + definition);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteSchema(Utf8JsonWriter writer, Schema schema, bool isDefinition)
    {
        writer.WriteStartObject();
        if ((isDefinition || schema.Place is not null) && schema.Description is { } description)
            writer.WriteString("description", description);
        foreach (var member in schema.Json.EnumerateObject())
        {
            switch (member.Name)
            {
                case "$ref":
                    writer.WriteString("$ref", ReferencePrefix + member.Value.GetString());
                    break;
                case "oneOf":
                    // Version 2 cannot say "a number or a text": a text it is.
                    writer.WriteString("type", "string");
                    break;
                case "default" when member.Value.ValueKind == JsonValueKind.Object:
                    break;
                case "properties":
                    writer.WriteStartObject(member.Name);
                    foreach (var (name, property) in schema.Properties)
                    {
                        writer.WritePropertyName(name);
                        WriteSchema(writer, property, isDefinition: false);
                    }
                    writer.WriteEndObject();
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

    private static void WriteTexts(Utf8JsonWriter writer, string name, IReadOnlyList<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (string text in texts)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }
}
