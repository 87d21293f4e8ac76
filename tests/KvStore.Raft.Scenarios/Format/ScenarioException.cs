namespace KvStore.Raft.Scenarios;

/// <summary>A scenario file asks for something that does not exist or cannot be; the text says what.</summary>
public sealed class ScenarioException(string message) : Exception(message);
