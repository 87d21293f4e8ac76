using System.Globalization;

namespace Orchestrator.Control.Scheduling.Matching;

internal enum LabelOperator
{
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

/// <summary>One condition on labels, ready to be asked many times.</summary>
internal readonly struct LabelRequirement(string key, LabelOperator op, string[] values)
{
    private readonly long _bound =
        op is LabelOperator.GreaterThan or LabelOperator.LessThan && values.Length == 1
        && long.TryParse(values[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long bound) ? bound : 0;

    public string Key => key;

    public LabelOperator Operator => op;

    public string[] Values => values;

    public bool Matches(Dictionary<string, string>? labels)
    {
        string? value = null;
        bool exists = labels is not null && labels.TryGetValue(key, out value);
        return op switch
        {
            LabelOperator.In => exists && Contains(value!),
            LabelOperator.NotIn => !exists || !Contains(value!),
            LabelOperator.Exists => exists,
            LabelOperator.DoesNotExist => !exists,
            LabelOperator.GreaterThan => exists && TryNumber(value!, out long number) && number > _bound,
            LabelOperator.LessThan => exists && TryNumber(value!, out long number) && number < _bound,
            _ => false,
        };
    }

    /// <summary>Null where the operator is not one that Kubernetes knows: what cannot be read matches nothing.</summary>
    public static LabelOperator? ParseOperator(string? text) => text switch
    {
        "In" => LabelOperator.In,
        "NotIn" => LabelOperator.NotIn,
        "Exists" => LabelOperator.Exists,
        "DoesNotExist" => LabelOperator.DoesNotExist,
        "Gt" => LabelOperator.GreaterThan,
        "Lt" => LabelOperator.LessThan,
        _ => null,
    };

    public override string ToString() => $"{key} {op} {string.Join(',', values)}";

    private bool Contains(string value)
    {
        foreach (string each in values)
        {
            if (each == value)
                return true;
        }
        return false;
    }

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
}
