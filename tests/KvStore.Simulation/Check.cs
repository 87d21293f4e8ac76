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

    /// <summary>The text is put together only when it is needed.</summary>
    public static void Holds(
        bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] ref CheckText what, [CallerFilePath] string file = "")
    {
        if (!condition)
            throw Broken(what.ToString(), file);
    }

    private static SimulationFailedException Broken(string what, string file) => new(what) { Checker = Path.GetFileNameWithoutExtension(file) };
}
