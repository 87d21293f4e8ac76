namespace KvStore.Simulation;

/// <summary>A promise of the store was broken in a simulated run.</summary>
public sealed class SimulationFailedException(string message, Exception? inner = null) : Exception(message, inner);
