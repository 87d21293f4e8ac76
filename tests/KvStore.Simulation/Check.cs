using System.Runtime.CompilerServices;

namespace KvStore.Simulation;

/// <summary>What must hold in every run.</summary>
internal static class Check
{
    public static void Equal<T>(T expected, T actual, string what, [CallerFilePath] string file = "")
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw Broken($"{what}: expected {expected?.ToString() ?? "nothing"}, found {actual?.ToString() ?? "nothing"}", file);
    }

    public static void Holds(bool condition, string what, [CallerFilePath] string file = "")
    {
        if (!condition)
            throw Broken(what, file);
    }

    private static SimulationFailedException Broken(string what, string file) => new(what) { Checker = Path.GetFileNameWithoutExtension(file) };
}
