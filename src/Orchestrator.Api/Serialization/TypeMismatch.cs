using System.Text;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Says which field a value does not fit, in the words that Kubernetes' users know:
/// <c>json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32</c>.</summary>
/// <remarks>Works after the fact: it walks the text again beside the schema until it meets the byte where reading stopped, so that reading
/// itself need not keep account of where it is.</remarks>
internal sealed class TypeMismatch
{
    private readonly long _tokenStart;

    /// <summary>The names of the fields on the way; indexes and keys of maps are not among them.</summary>
    private readonly List<string> _path = [];

    private string? _structure;

    private TypeMismatch(long tokenStart) => _tokenStart = tokenStart;

    /// <returns>Null where the walk does not get there.</returns>
    public static string? Describe(ReadOnlySpan<byte> utf8, Schema schema, long tokenStart)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = KubernetesJson.DepthLimit });
        reader.Read();
        return new TypeMismatch(tokenStart).Walk(ref reader, schema);
    }

    private string? Walk(ref Utf8JsonReader reader, Schema? schema)
    {
        if (reader.TokenStartIndex == _tokenStart)
            return Describe(ref reader, schema);
        if (reader.TokenType == JsonTokenType.StartObject)
            return WalkObject(ref reader, schema);
        if (reader.TokenType != JsonTokenType.StartArray)
            return null;
        string? found = null;
        while (found is null && reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            found = Walk(ref reader, schema?.Items);
        return found;
    }

    private string? WalkObject(ref Utf8JsonReader reader, Schema? schema)
    {
        string? outer = _structure;
        string? found = null;
        while (found is null && reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (schema is { Properties.Count: > 0 })
                found = WalkField(ref reader, schema, name);
            else
                found = Walk(ref reader, schema?.AdditionalProperties);
        }
        _structure = outer;
        return found;
    }

    private string? WalkField(ref Utf8JsonReader reader, Schema schema, string name)
    {
        _structure = LastPart(schema.Name);
        _path.Add(name);
        string? found = Walk(ref reader, schema.Properties.GetValueOrDefault(name));
        _path.RemoveAt(_path.Count - 1);
        return found;
    }

    private string? Describe(ref Utf8JsonReader reader, Schema? schema)
    {
        if (schema is null)
            return null;
        if (schema.IsQuantity)
            return DescribeQuantity(ref reader);
        if (schema.IsIntOrString)
            return $"json: cannot unmarshal {Word(ref reader, isWhole: true)} into Go value of type int32";
        if (schema.Format == "date-time")
            return reader.TokenType == JsonTokenType.String
                ? TimestampFault.Describe(reader.GetString()!, schema.Name!.EndsWith(".MicroTime", StringComparison.Ordinal))
                : $"json: cannot unmarshal {Word(ref reader, isWhole: false)} into Go value of type string";
        if (schema.Format == "byte" && reader.TokenType == JsonTokenType.String)
            return DescribeBase64(reader.GetString()!);
        string value = Word(ref reader, schema.Type == "integer");
        return _structure is null
            ? $"json: cannot unmarshal {value} into Go value of type {GoType(schema)}"
            : $"json: cannot unmarshal {value} into Go struct field {_structure}.{string.Join('.', _path)} of type {GoType(schema)}";
    }

    private static string DescribeQuantity(ref Utf8JsonReader reader)
    {
        try
        {
            Quantity.Parse(reader.TokenType == JsonTokenType.String ? reader.GetString()! : "{}");
        }
        catch (FormatException exception)
        {
            return exception.Message;
        }
        return "json: the quantity cannot be read";
    }

    /// <summary>Go counts the bytes up to the first that is out of place.</summary>
    private static string DescribeBase64(string text)
    {
        int fault = 0;
        while (fault < text.Length && (char.IsAsciiLetterOrDigit(text[fault]) || text[fault] is '+' or '/' or '\r' or '\n'))
            fault++;
        return string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"illegal base64 data at input byte {Math.Min(fault, text.Length)}");
    }

    private static string Word(ref Utf8JsonReader reader, bool isWhole) => reader.TokenType switch
    {
        JsonTokenType.StartObject => "object",
        JsonTokenType.StartArray => "array",
        JsonTokenType.String => "string",
        JsonTokenType.Number => isWhole ? "number " + Encoding.ASCII.GetString(reader.ValueSpan) : "number",
        _ => "bool",
    };

    private static string GoType(Schema schema)
    {
        if (schema.Name is { } name)
            return $"{PackageOf(name)}.{LastPart(name)}";
        return schema.Type switch
        {
            "array" => "[]" + ElementType(schema.Items),
            "object" => "map[string]" + ElementType(schema.AdditionalProperties),
            "integer" => schema.Format ?? "int64",
            "boolean" => "bool",
            "number" => "float64",
            _ => schema.Format == "byte" ? "[]uint8" : "string",
        };
    }

    private static string ElementType(Schema? schema) => schema is null ? "interface {}" : GoType(schema);

    private static string? LastPart(string? definition) => definition?[(definition.LastIndexOf('.') + 1)..];

    private static string PackageOf(string definition)
    {
        string[] parts = definition.Split('.');
        return parts[^2];
    }
}
