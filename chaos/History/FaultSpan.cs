namespace KvStore.Chaos.History;

/// <summary>A fault from its injection to its healing.</summary>
public sealed record FaultSpan(FaultInjected Injected, FaultHealed? Healed)
{
    public long From => Injected.At;

    /// <summary><see cref="long.MaxValue"/> when it was never healed.</summary>
    public long To => Healed?.At ?? long.MaxValue;

    public bool IsEffective => Healed?.IsEffective ?? false;
}
