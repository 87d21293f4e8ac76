namespace Orchestrator.Api;

/// <summary>How a <see cref="Quantity"/> is spelled when it is written: the notation it was first given in.</summary>
public enum QuantityFormat : byte
{
    /// <summary><c>250m</c>, <c>12k</c>: powers of ten by letter.</summary>
    DecimalSI,

    /// <summary><c>64Mi</c>: powers of 1024 by letter.</summary>
    BinarySI,

    /// <summary><c>12e6</c>: powers of ten by exponent.</summary>
    DecimalExponent,
}
