namespace Orchestrator.Api.Generator;

/// <summary>Makes the definitions out of the schemas' files.</summary>
internal static class SchemaReader
{
    public static IReadOnlyList<Definition> Read(IEnumerable<string> texts)
    {
        var schemas = new SortedDictionary<string, Dictionary<string, object?>>(StringComparer.Ordinal);
        foreach (string text in texts)
        {
            foreach (var entry in Members(JsonText.Parse(text)))
                schemas.Add(entry.Key, Members(entry.Value));
        }
        return schemas.Where(entry => !ModelNames.IsValue(entry.Key)).Select(entry => ReadDefinition(entry.Key, entry.Value)).ToList();
    }

    private static Definition ReadDefinition(string fullName, Dictionary<string, object?> schema)
    {
        string name = ModelNames.Name(fullName);
        var required = schema.TryGetValue("required", out object? names) ? ((List<object?>)names!).Cast<string>() : [];
        var kind = Members(schema["properties"]).ContainsKey("apiVersion") ? ReadKind(schema) : null;
        var properties = Members(schema["properties"])
            .Select(entry => ReadProperty(entry.Key, name, Members(entry.Value), required.Contains(entry.Key)))
            .OrderBy(property => Rank(name, kind is not null, property.JsonName)).ThenBy(property => property.JsonName, StringComparer.Ordinal)
            .ToList();
        return new Definition(fullName, ModelNames.Namespace(fullName), name, properties, kind);
    }

    /// <summary>Documents begin with what they are, as people write them. A refusal is read by people as it comes, so its fields stand in
    /// the order that they know; all others follow the alphabet.</summary>
    private static int Rank(string definition, bool isKind, string field)
    {
        string[] order = definition switch
        {
            "Status" => ["kind", "apiVersion", "metadata", "status", "message", "reason", "details", "code"],
            "StatusDetails" => ["name", "group", "kind", "uid", "causes", "retryAfterSeconds"],
            "StatusCause" => ["reason", "message", "field"],
            _ => isKind ? ["kind", "apiVersion", "metadata"] : [],
        };
        int rank = Array.IndexOf(order, field);
        return rank < 0 ? order.Length : rank;
    }

    private static Property ReadProperty(string jsonName, string className, Dictionary<string, object?> schema, bool isRequired) =>
        new(jsonName, ModelNames.Property(jsonName, className), ReadType(schema), isRequired);

    private static PropertyType ReadType(Dictionary<string, object?> schema)
    {
        string? type = Text(schema, "type");
        if (type == "array")
            return Many(ReadType(Members(schema["items"])), Multiplicity.List);
        if (type == "object" && schema.TryGetValue("additionalProperties", out object? values))
            return Many(ReadType(Members(values)), Multiplicity.Map);
        var (shape, element) = ReadSingle(schema, type);
        return new PropertyType(shape, element, Multiplicity.One);
    }

    private static PropertyType Many(PropertyType element, Multiplicity multiplicity)
    {
        if (element.Multiplicity == Multiplicity.One)
            return new PropertyType(element.Shape, element.Element, multiplicity);
        if (element.Multiplicity == Multiplicity.List && multiplicity == Multiplicity.Map)
            return new PropertyType(element.Shape, element.Element, Multiplicity.MapOfLists);
        throw new FormatException($"no property can be a {multiplicity} of {element.CSharp}");
    }

    private static (Shape Shape, string Element) ReadSingle(Dictionary<string, object?> schema, string? type)
    {
        if (Text(schema, "$ref") is { } reference)
            return ModelNames.IsValue(reference) ? ModelNames.Value(reference) : (Shape.Object, ModelNames.Class(reference));
        return (type, Text(schema, "format")) switch
        {
            ("string", "byte") => (Shape.Bytes, "byte[]"),
            ("string", _) => (Shape.Text, "string"),
            ("integer", "int64") => (Shape.Int64, "long"),
            ("integer", _) => (Shape.Int32, "int"),
            ("number", _) => (Shape.Number, "double"),
            ("boolean", _) => (Shape.Boolean, "bool"),
            (null, null) or ("object", _) => (Shape.Any, "JsonElement"),
            _ => throw new FormatException($"no property can be of type {type}"),
        };
    }

    /// <summary>DeleteOptions and its like belong to every group: the core group's name serves for all.</summary>
    private static Kind? ReadKind(Dictionary<string, object?> schema)
    {
        if (!schema.TryGetValue("x-kubernetes-group-version-kind", out object? kinds))
            return null;
        return ((List<object?>)kinds!).Select(Members)
            .Select(kind => new Kind(Text(kind, "group")!, Text(kind, "version")!, Text(kind, "kind")!))
            .OrderBy(kind => kind.Group, StringComparer.Ordinal)
            .First();
    }

    private static string? Text(Dictionary<string, object?> schema, string name) =>
        schema.TryGetValue(name, out object? value) ? (string?)value : null;

    private static Dictionary<string, object?> Members(object? value) => (Dictionary<string, object?>)value!;
}
