namespace KvStore.Chaos.Rig;

/// <summary>All faults are healed, and still the cluster does not come back: a violation of what it promises.</summary>
public sealed class RecoveryException(string message) : Exception(message);
