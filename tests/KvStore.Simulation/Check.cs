namespace KvStore.Simulation;

/// <summary>What must hold in every run.</summary>
internal static class Check
{
    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new SimulationFailedException($"{what}: expected {expected?.ToString() ?? "nothing"}, found {actual?.ToString() ?? "nothing"}");
    }

    public static void Holds(bool condition, string what)
    {
        if (!condition)
            throw new SimulationFailedException(what);
    }
}
