using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Registers;

/// <summary>What a request says of one register, without any revision: what it must have found, and what it leaves.</summary>
/// <remarks>Values are numbered; 0 is a key that is not there. States are values.</remarks>
internal sealed class RegisterOperation(Operation operation)
{
    public const int Absent = 0;

    public Operation Operation => operation;

    public long CalledAt => operation.CalledAt;

    /// <summary>An unknown outcome may take effect at any later time.</summary>
    public long ReturnedAt => IsUnknown ? long.MaxValue : operation.ReturnedAt;

    public bool IsUnknown => operation.Outcome == Outcome.Unknown;

    /// <summary>By its answer, what was there; null when it does not say.</summary>
    public int? Found { get; init; }

    /// <summary>By its answer, something was there, or nothing; null when it does not say.</summary>
    public bool? HasFoundSome { get; init; }

    /// <summary>It changes the register only if this is there; null when it does so in any case.</summary>
    public int? Condition { get; init; }

    /// <summary>By its answer, the condition held or not; null when it does not say.</summary>
    public bool? HasHeld { get; init; }

    /// <summary>What it leaves; null when it only reads.</summary>
    public int? Written { get; init; }

    /// <summary>Its answer says what was not there: then writes that nobody read may still have been needed.</summary>
    public bool IsNegative => HasHeld == false || (HasFoundSome == true && Found is null);

    /// <returns>The state after it, or -1 if its answer does not fit the state.</returns>
    public int Apply(int state)
    {
        if (Found is { } found && found != state)
            return -1;
        if (HasFoundSome is { } some && some != (state != Absent))
            return -1;
        bool holds = Condition is not { } condition || condition == state;
        if (HasHeld is { } held && held != holds)
            return -1;
        return holds && Written is { } written ? written : state;
    }
}
