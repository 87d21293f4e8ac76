namespace KvStore.Chaos.Rig;

/// <summary>The rig cannot do what it should: it says nothing of the store under test.</summary>
public sealed class RigException(string message, Exception? cause = null) : Exception(message, cause);
