using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Turns a document of OpenAPI 2 into the protobuf that old clients take for it (gnostic's openapi.v2.Document). Takes what
/// <see cref="Swagger2Writer"/> writes; what it does not know is a mistake there.</summary>
/// <remarks>A map is a list of (name = 1, value = 2); extensions are YAML texts, of which JSON is a kind.</remarks>
internal static class Swagger2Encoder
{
    private const int NameField = 1;
    private const int ValueField = 2;

    public static byte[] Encode(JsonElement document)
    {
        var message = new ProtobufBuilder();
        foreach (var member in document.EnumerateObject())
        {
            switch (member.Name)
            {
                case "swagger": message.Text(1, member.Value.GetString()!); break;
                case "info": message.Message(2, Info(member.Value)); break;
                case "paths": message.Message(8, Paths(member.Value)); break;
                case "definitions": message.Message(9, NamedSchemas(member.Value)); break;
                case "securityDefinitions": message.Message(13, SecurityDefinitions(member.Value)); break;
                default: throw Unknown(member);
            }
        }
        return message.Written.ToArray();
    }

    private static ProtobufBuilder Info(JsonElement info) => new ProtobufBuilder()
        .Text(1, info.GetProperty("title").GetString()!)
        .Text(2, info.GetProperty("version").GetString()!);

    private static ProtobufBuilder Paths(JsonElement paths)
    {
        var message = new ProtobufBuilder();
        foreach (var path in paths.EnumerateObject())
            message.Message(2, Named(path.Name, PathItem(path.Value)));
        return message;
    }

    private static ProtobufBuilder PathItem(JsonElement item)
    {
        var message = new ProtobufBuilder();
        foreach (var member in item.EnumerateObject())
        {
            if (member.Name == "parameters")
                AddParameters(message, 9, member.Value);
            else
                message.Message(MethodField(member), Operation(member.Value));
        }
        return message;
    }

    private static int MethodField(JsonProperty member) => member.Name switch
    {
        "get" => 2,
        "put" => 3,
        "post" => 4,
        "delete" => 5,
        "options" => 6,
        "head" => 7,
        "patch" => 8,
        _ => throw Unknown(member),
    };

    private static ProtobufBuilder Operation(JsonElement operation)
    {
        var message = new ProtobufBuilder();
        foreach (var member in operation.EnumerateObject())
        {
            switch (member.Name)
            {
                case "tags": AddTexts(message, 1, member.Value); break;
                case "description": message.Text(3, member.Value.GetString()!); break;
                case "operationId": message.Text(5, member.Value.GetString()!); break;
                case "produces": AddTexts(message, 6, member.Value); break;
                case "consumes": AddTexts(message, 7, member.Value); break;
                case "parameters": AddParameters(message, 8, member.Value); break;
                case "responses": message.Message(9, Responses(member.Value)); break;
                case "schemes": AddTexts(message, 10, member.Value); break;
                default: AddExtension(message, 13, member); break;
            }
        }
        return message;
    }

    private static void AddParameters(ProtobufBuilder message, int field, JsonElement parameters)
    {
        foreach (var parameter in parameters.EnumerateArray())
            message.Message(field, new ProtobufBuilder().Message(1, Parameter(parameter)));
    }

    private static ProtobufBuilder Parameter(JsonElement parameter) => parameter.GetProperty("in").GetString() switch
    {
        "body" => new ProtobufBuilder().Message(1, BodyParameter(parameter)),
        // Non-body parameters, then the kind of them.
        "query" => new ProtobufBuilder().Message(2, new ProtobufBuilder().Message(3, SimpleParameter(parameter, 6, 20))),
        _ => new ProtobufBuilder().Message(2, new ProtobufBuilder().Message(4, SimpleParameter(parameter, 5, 19))),
    };

    private static ProtobufBuilder BodyParameter(JsonElement parameter)
    {
        var message = new ProtobufBuilder();
        foreach (var member in parameter.EnumerateObject())
        {
            switch (member.Name)
            {
                case "name": message.Text(2, member.Value.GetString()!); break;
                case "in": message.Text(3, member.Value.GetString()!); break;
                case "required": message.Boolean(4, member.Value.GetBoolean()); break;
                case "schema": message.Message(5, Schema(member.Value)); break;
                default: throw Unknown(member);
            }
        }
        return message;
    }

    /// <summary>Parameters of queries and paths differ in their later fields' numbers alone.</summary>
    private static ProtobufBuilder SimpleParameter(JsonElement parameter, int typeField, int uniqueItemsField)
    {
        var message = new ProtobufBuilder();
        foreach (var member in parameter.EnumerateObject())
        {
            switch (member.Name)
            {
                case "required": message.Boolean(1, member.Value.GetBoolean()); break;
                case "in": message.Text(2, member.Value.GetString()!); break;
                case "description": message.Text(3, member.Value.GetString()!); break;
                case "name": message.Text(4, member.Value.GetString()!); break;
                case "type": message.Text(typeField, member.Value.GetString()!); break;
                case "uniqueItems": message.Boolean(uniqueItemsField, member.Value.GetBoolean()); break;
                default: throw Unknown(member);
            }
        }
        return message;
    }

    private static ProtobufBuilder Responses(JsonElement responses)
    {
        var message = new ProtobufBuilder();
        foreach (var response in responses.EnumerateObject())
        {
            var value = new ProtobufBuilder().Text(1, response.Value.GetProperty("description").GetString()!);
            if (response.Value.TryGetProperty("schema", out var schema))
                value.Message(2, new ProtobufBuilder().Message(1, Schema(schema)));
            message.Message(1, Named(response.Name, new ProtobufBuilder().Message(1, value)));
        }
        return message;
    }

    private static ProtobufBuilder NamedSchemas(JsonElement schemas)
    {
        var message = new ProtobufBuilder();
        foreach (var schema in schemas.EnumerateObject())
            message.Message(1, Named(schema.Name, Schema(schema.Value)));
        return message;
    }

    private static ProtobufBuilder Schema(JsonElement schema)
    {
        var message = new ProtobufBuilder();
        foreach (var member in schema.EnumerateObject())
        {
            switch (member.Name)
            {
                case "$ref": message.Text(1, member.Value.GetString()!); break;
                case "format": message.Text(2, member.Value.GetString()!); break;
                case "description": message.Text(4, member.Value.GetString()!); break;
                case "default": message.Message(5, Any(member.Value)); break;
                case "required": AddTexts(message, 19, member.Value); break;
                case "enum":
                    foreach (var value in member.Value.EnumerateArray())
                        message.Message(20, Any(value));
                    break;
                case "additionalProperties": message.Message(21, new ProtobufBuilder().Message(1, Schema(member.Value))); break;
                case "type": message.Message(22, new ProtobufBuilder().Text(1, member.Value.GetString()!)); break;
                case "items": message.Message(23, new ProtobufBuilder().Message(1, Schema(member.Value))); break;
                case "properties": message.Message(25, NamedSchemas(member.Value)); break;
                default: AddExtension(message, 31, member); break;
            }
        }
        return message;
    }

    private static ProtobufBuilder SecurityDefinitions(JsonElement definitions)
    {
        var message = new ProtobufBuilder();
        foreach (var definition in definitions.EnumerateObject())
        {
            var key = new ProtobufBuilder()
                .Text(1, definition.Value.GetProperty("type").GetString()!)
                .Text(2, definition.Value.GetProperty("name").GetString()!)
                .Text(3, definition.Value.GetProperty("in").GetString()!)
                .Text(4, definition.Value.GetProperty("description").GetString()!);
            message.Message(1, Named(definition.Name, new ProtobufBuilder().Message(2, key)));
        }
        return message;
    }

    private static void AddTexts(ProtobufBuilder message, int field, JsonElement texts)
    {
        foreach (var text in texts.EnumerateArray())
            message.Text(field, text.GetString()!);
    }

    private static void AddExtension(ProtobufBuilder message, int field, JsonProperty member)
    {
        if (!member.Name.StartsWith("x-", StringComparison.Ordinal))
            throw Unknown(member);
        message.Message(field, Named(member.Name, Any(member.Value)));
    }

    private static ProtobufBuilder Named(string name, ProtobufBuilder value) =>
        new ProtobufBuilder().Text(NameField, name).Message(ValueField, value);

    private static ProtobufBuilder Any(JsonElement value) => new ProtobufBuilder().Text(2, value.GetRawText());

    private static InvalidOperationException Unknown(JsonProperty member) => new($"\"{member.Name}\" has no place in OpenAPI 2 as it is encoded");
}
