namespace Orchestrator.Api.Generator;

/// <summary>What one value is, apart from being one, a list or a map.</summary>
internal enum Shape
{
    Text,
    Int32,
    Int64,
    Number,
    Boolean,
    Time,
    MicroTime,
    Bytes,
    IntOrString,
    Quantity,
    Any,
    Object,
}

internal enum Multiplicity
{
    One,
    List,
    Map,
    MapOfLists,
}

/// <summary>A property's type: <c>List&lt;Container&gt;</c> is (Object, "Container", List).</summary>
internal sealed class PropertyType(Shape shape, string element, Multiplicity multiplicity)
{
    public Shape Shape { get; } = shape;

    /// <summary>The C# name of one element.</summary>
    public string Element { get; } = element;

    public Multiplicity Multiplicity { get; } = multiplicity;

    public bool IsClass => Shape == Shape.Object && Multiplicity == Multiplicity.One;

    public string CSharp => Multiplicity switch
    {
        Multiplicity.List => $"List<{Element}>",
        Multiplicity.Map => $"Dictionary<string, {Element}>",
        Multiplicity.MapOfLists => $"Dictionary<string, List<{Element}>>",
        _ => Element,
    };
}
