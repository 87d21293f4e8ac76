namespace Orchestrator.Api.Validation;

/// <summary>A place in the object under validation: <c>spec["containers"][0]["name"]</c>. Faults reported there go to one list.</summary>
internal readonly struct Field(List<FieldError> faults, FieldPath path)
{
    public const string Negative = "must be greater than or equal to 0";
    public const string Immutable = "field is immutable";

    public Field this[string name] => new(faults, path.Child(name));

    public Field this[int index] => new(faults, path.Index(index));

    public Field Key(string key) => new(faults, path.Key(key));

    /// <summary>How many faults were found so far, here and elsewhere.</summary>
    public int FaultCount => faults.Count;

    public override string ToString() => path.ToString();

    public void Required(string detail = "") => faults.Add(FieldError.Required(path, detail));

    public void Invalid(object? value, string detail) => faults.Add(FieldError.Invalid(path, value, detail));

    public void Invalid(object? value, IReadOnlyList<string> details)
    {
        foreach (string detail in details)
            Invalid(value, detail);
    }

    public void NotSupported(object? value, params string[] supported) => faults.Add(FieldError.NotSupported(path, value, supported));

    public void Duplicate(object? value) => faults.Add(FieldError.Duplicate(path, value));

    public void Forbidden(string detail) => faults.Add(FieldError.Forbidden(path, detail));

    public void TooLong(int maximumBytes) => faults.Add(FieldError.TooLong(path, "", maximumBytes));

    public void TooMany(int actual, int maximum) => faults.Add(FieldError.TooMany(path, actual, maximum));

    public void NotFound(object? value, string detail = "") => faults.Add(FieldError.NotFound(path, value) with { Detail = detail });

    public void Add(FieldError fault) => faults.Add(fault);

    public FieldPath Path => path;

    /// <summary>An absent number is zero.</summary>
    public void NotNegative(long? value)
    {
        if (value < 0)
            Invalid(value, Negative);
    }

    /// <summary>Required, and one of a few values.</summary>
    public void OneOf(string? value, params string[] supported)
    {
        if (string.IsNullOrEmpty(value))
            Required();
        else if (!supported.Contains(value))
            NotSupported(value, supported);
    }

    /// <summary>One of a few values, if there is any.</summary>
    public void OneOfOrAbsent(string? value, params string[] supported)
    {
        if (value is not null && !supported.Contains(value))
            NotSupported(value, supported);
    }

    /// <summary>Required, and without the faults that <paramref name="rule"/> finds.</summary>
    public void Named(string? value, Func<string, IReadOnlyList<string>> rule)
    {
        if (string.IsNullOrEmpty(value))
            Required();
        else
            Invalid(value, rule(value));
    }

    /// <summary>Without the faults that <paramref name="rule"/> finds, if there is any value.</summary>
    public void NamedOrAbsent(string? value, Func<string, IReadOnlyList<string>> rule)
    {
        if (!string.IsNullOrEmpty(value))
            Invalid(value, rule(value));
    }

    public void Filled(string? value)
    {
        if (string.IsNullOrEmpty(value))
            Required();
    }

    public void Unchanged<T>(T? value, T? old)
    {
        if (!EqualityComparer<T>.Default.Equals(value, old))
            Invalid(value, Immutable);
    }

    public void Port(IntOrString? port)
    {
        var value = port ?? IntOrString.FromInt(0);
        if (value.IsInt)
            Invalid(value.IntValue, NameRules.PortNumber(value.IntValue));
        else
            Invalid(value.StringValue, NameRules.PortName(value.StringValue));
    }

    public void PortNumber(int? port) => Invalid(port ?? 0, NameRules.PortNumber(port ?? 0));
}
