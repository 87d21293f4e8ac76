namespace KvStore.Simulation;

/// <summary>A promise of the store was broken in a simulated run.</summary>
public sealed class SimulationFailedException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Who noticed: one of the simulation's checkers, "liveness", or "invariant" for one of the store's own.</summary>
    public string Checker { get; init; } = "simulation";

    /// <summary>Who noticed what a run ended with.</summary>
    internal static string CheckerOf(Exception failure) => failure switch
    {
        SimulationFailedException { InnerException: { } cause } => CheckerOf(cause),
        SimulationFailedException known => known.Checker,
        Raft.InvariantException => "invariant",
        _ => failure.GetType().Name,
    };
}
