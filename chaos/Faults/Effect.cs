namespace KvStore.Chaos.Faults;

/// <summary>Whether a fault did anything, and how that is known.</summary>
internal sealed record Effect(bool IsEffective, string Evidence);
