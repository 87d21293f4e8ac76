using System.Globalization;

namespace Orchestrator.Api.Selectors;

/// <summary>One condition of a label selector: <c>tier in (front,back)</c>.</summary>
public sealed class LabelRequirement
{
    private readonly HashSet<string> _values;

    internal LabelRequirement(string key, SelectorOperator @operator, IEnumerable<string> values)
    {
        Key = key;
        Operator = @operator;
        _values = new HashSet<string>(values, StringComparer.Ordinal);
        Values = [.. _values.Order(StringComparer.Ordinal)];
    }

    public string Key { get; }

    public SelectorOperator Operator { get; }

    /// <summary>Without repetitions, in ordinal order.</summary>
    public IReadOnlyList<string> Values { get; }

    public bool Matches(IReadOnlyDictionary<string, string>? labels)
    {
        string? value = null;
        bool isThere = labels is not null && labels.TryGetValue(Key, out value);
        return Operator switch
        {
            SelectorOperator.Exists => isThere,
            SelectorOperator.DoesNotExist => !isThere,
            SelectorOperator.NotIn or SelectorOperator.NotEquals => !isThere || !_values.Contains(value!),
            SelectorOperator.GreaterThan => isThere && Compare(value!) is > 0,
            SelectorOperator.LessThan => isThere && Compare(value!) is < 0,
            _ => isThere && _values.Contains(value!),
        };
    }

    public override string ToString() => Operator switch
    {
        SelectorOperator.Exists => Key,
        SelectorOperator.DoesNotExist => "!" + Key,
        SelectorOperator.Equals => $"{Key}={Values[0]}",
        SelectorOperator.DoubleEquals => $"{Key}=={Values[0]}",
        SelectorOperator.NotEquals => $"{Key}!={Values[0]}",
        SelectorOperator.GreaterThan => $"{Key}>{Values[0]}",
        SelectorOperator.LessThan => $"{Key}<{Values[0]}",
        SelectorOperator.In => $"{Key} in ({string.Join(',', Values)})",
        _ => $"{Key} notin ({string.Join(',', Values)})",
    };

    /// <summary>The requirement, or what Kubernetes says is wrong with it.</summary>
    internal static LabelRequirement Create(string key, SelectorOperator @operator, IEnumerable<string> values, out string? error)
    {
        var requirement = new LabelRequirement(key, @operator, values);
        var errors = new List<string>();
        var keyErrors = LabelSyntax.QualifiedNameErrors(key);
        if (keyErrors.Count > 0)
            errors.Add($"key: Invalid value: {Quote(key)}: {string.Join("; ", keyErrors)}");
        requirement.AddOperatorErrors(errors);
        for (int i = 0; i < requirement.Values.Count; i++)
        {
            var valueErrors = LabelSyntax.ValueErrors(requirement.Values[i]);
            if (valueErrors.Count > 0)
                errors.Add($"values[{i}][{key}]: Invalid value: {Quote(requirement.Values[i])}: {string.Join("; ", valueErrors)}");
        }
        error = errors.Count switch
        {
            0 => null,
            1 => errors[0],
            _ => $"[{string.Join(", ", errors)}]",
        };
        return requirement;
    }

    internal static string Quote(string text) => GoText.Quote(text);

    private void AddOperatorErrors(List<string> errors)
    {
        int count = Values.Count;
        switch (Operator)
        {
            case SelectorOperator.In or SelectorOperator.NotIn when count == 0:
                errors.Add("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
                break;
            case SelectorOperator.Exists or SelectorOperator.DoesNotExist when count > 0:
                errors.Add($"values: Invalid value: [{string.Join(",", Values.Select(Quote))}]: " +
                    "values set must be empty for exists and does not exist");
                break;
            case SelectorOperator.GreaterThan or SelectorOperator.LessThan when !TryParseInteger(Values[0], out _):
                errors.Add($"values[0]: Invalid value: {Quote(Values[0])}: for 'Gt', 'Lt' operators, the value must be an integer");
                break;
        }
    }

    private int? Compare(string value) =>
        TryParseInteger(value, out long number) && TryParseInteger(Values[0], out long limit) ? number.CompareTo(limit) : null;

    private static bool TryParseInteger(string text, out long number) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
}
