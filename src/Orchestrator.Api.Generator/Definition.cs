namespace Orchestrator.Api.Generator;

/// <summary>One definition that becomes a class.</summary>
internal sealed class Definition(string fullName, string space, string name, IReadOnlyList<Property> properties, Kind? kind)
{
    public string FullName { get; } = fullName;

    public string Namespace { get; } = space;

    public string Name { get; } = name;

    public IReadOnlyList<Property> Properties { get; } = properties;

    /// <summary>Set where documents of this type bear <c>apiVersion</c> and <c>kind</c>.</summary>
    public Kind? Kind { get; } = kind;

    /// <summary>A stored or posted kind: it has an ObjectMeta.</summary>
    public bool IsTopLevel => Kind is not null && Metadata?.Type.Element == ModelNames.MetaClass("ObjectMeta");

    public bool IsList => Kind is not null && Metadata?.Type.Element == ModelNames.MetaClass("ListMeta") && Items is not null;

    public Property? Items => Properties.FirstOrDefault(property => property.JsonName == "items");

    private Property? Metadata => Properties.FirstOrDefault(property => property.JsonName == "metadata");
}

internal sealed class Kind(string group, string version, string name)
{
    public string Group { get; } = group;

    public string Version { get; } = version;

    public string Name { get; } = name;

    public string ApiVersion => Group.Length == 0 ? Version : Group + "/" + Version;
}

internal sealed class Property(string jsonName, string name, PropertyType type, bool isRequired)
{
    public string JsonName { get; } = jsonName;

    public string Name { get; } = name;

    public PropertyType Type { get; } = type;

    public bool IsRequired { get; } = isRequired;

    /// <summary>These are there from the start, so that a reader need not ask for them: <c>pod.Spec.NodeName</c>.</summary>
    public bool IsNeverNull => JsonName is "metadata" or "spec" or "status" or "template" && Type.IsClass;

    public bool IsTypeName => JsonName is "apiVersion" or "kind" && Type.Shape == Shape.Text;
}
