using System.Runtime.CompilerServices;

namespace KvStore.Simulation;

/// <summary>What must hold in every run. The text is only made where it does not.</summary>
internal static class Check
{
    public static void Equal<T>(T expected, T actual, string what, [CallerFilePath] string file = "")
    {
        if (!AreEqual(expected, actual))
            throw Differs(expected, actual, what, file);
    }

    public static void Equal<T>(
        T expected, T actual, [InterpolatedStringHandlerArgument(nameof(expected), nameof(actual))] ref Difference<T> what,
        [CallerFilePath] string file = "")
    {
        if (what.IsWanted)
            throw Differs(expected, actual, what.Text.ToStringAndClear(), file);
    }

    public static void Holds(bool condition, string what, [CallerFilePath] string file = "")
    {
        if (!condition)
            throw Broken(what, file);
    }

    public static void Holds(
        bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] ref Claim what, [CallerFilePath] string file = "")
    {
        if (!condition)
            throw Broken(what.Text.ToStringAndClear(), file);
    }

    private static bool AreEqual<T>(T expected, T actual) => EqualityComparer<T>.Default.Equals(expected, actual);

    private static SimulationFailedException Differs<T>(T expected, T actual, string what, string file) =>
        Broken($"{what}: expected {expected?.ToString() ?? "nothing"}, found {actual?.ToString() ?? "nothing"}", file);

    private static SimulationFailedException Broken(string what, string file) => new(what) { Checker = Path.GetFileNameWithoutExtension(file) };

    /// <summary>The text of a condition, made when that does not hold.</summary>
    [InterpolatedStringHandler]
    public ref struct Claim
    {
        public DefaultInterpolatedStringHandler Text;

        public Claim(int literalLength, int holeCount, bool condition, out bool isWanted)
        {
            isWanted = !condition;
            Text = isWanted ? new DefaultInterpolatedStringHandler(literalLength, holeCount) : default;
        }

        public void AppendLiteral(string text) => Text.AppendLiteral(text);

        public void AppendFormatted<T>(T value) => Text.AppendFormatted(value);

        public void AppendFormatted<T>(T value, string format) => Text.AppendFormatted(value, format);
    }

    /// <summary>The text of what was compared, made when it differs.</summary>
    [InterpolatedStringHandler]
    public ref struct Difference<T>
    {
        public DefaultInterpolatedStringHandler Text;

        public Difference(int literalLength, int holeCount, T expected, T actual, out bool isWanted)
        {
            IsWanted = isWanted = !AreEqual(expected, actual);
            Text = isWanted ? new DefaultInterpolatedStringHandler(literalLength, holeCount) : default;
        }

        public bool IsWanted { get; }

        public void AppendLiteral(string text) => Text.AppendLiteral(text);

        public void AppendFormatted<TValue>(TValue value) => Text.AppendFormatted(value);

        public void AppendFormatted<TValue>(TValue value, string format) => Text.AppendFormatted(value, format);
    }
}
