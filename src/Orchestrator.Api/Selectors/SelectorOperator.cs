namespace Orchestrator.Api.Selectors;

/// <summary>What a requirement of a label selector asks of a label.</summary>
public enum SelectorOperator
{
    Equals,

    /// <summary>The same as <see cref="Equals"/>; kept apart because it is written back as it was read.</summary>
    DoubleEquals,
    NotEquals,
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}
