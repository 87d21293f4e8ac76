namespace Orchestrator.Api.Selectors;

/// <summary>One condition of a field selector: <c>status.phase!=Failed</c>. A field that is not there has the empty value.</summary>
public readonly record struct FieldRequirement(string Field, bool IsNegated, string Value)
{
    public bool Matches(string? value) => string.Equals(value ?? "", Value, StringComparison.Ordinal) != IsNegated;

    public override string ToString() => $"{Field}{(IsNegated ? "!=" : "=")}{FieldSelector.Escape(Value)}";
}
