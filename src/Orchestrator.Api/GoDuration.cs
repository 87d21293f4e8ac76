using System.Globalization;

namespace Orchestrator.Api;

/// <summary>Durations as Go writes them: <c>1h30m</c>, <c>90s</c>, <c>1.5h</c>, <c>250ms</c>, <c>0</c>. None is negative here.</summary>
public static class GoDuration
{
    // Go counts nanoseconds in 64 bits.
    private const double LimitSeconds = long.MaxValue / 1e9;

    /// <returns>Null if it is none.</returns>
    public static TimeSpan? Parse(string text)
    {
        if (text == "0")
            return TimeSpan.Zero;
        double seconds = 0;
        int position = 0;
        while (position < text.Length)
        {
            int start = position;
            while (position < text.Length && (char.IsAsciiDigit(text[position]) || text[position] == '.'))
                position++;
            if (!double.TryParse(text.AsSpan(start, position - start), NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture, out double number))
            {
                return null;
            }
            start = position;
            while (position < text.Length && !char.IsAsciiDigit(text[position]) && text[position] != '.')
                position++;
            if (UnitSeconds(text[start..position]) is not { } unit)
                return null;
            seconds += number * unit;
        }
        return text.Length == 0 || seconds > LimitSeconds ? null : TimeSpan.FromSeconds(seconds);
    }

    /// <summary>Whole seconds: <c>10s</c>, <c>1m20s</c>, <c>5m0s</c>, <c>1h0m0s</c>.</summary>
    public static string Format(TimeSpan time)
    {
        long seconds = (long)time.TotalSeconds;
        return seconds switch
        {
            < 60 => string.Create(CultureInfo.InvariantCulture, $"{seconds}s"),
            < 3600 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60}m{seconds % 60}s"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600}h{seconds / 60 % 60}m{seconds % 60}s"),
        };
    }

    private static double? UnitSeconds(string unit) => unit switch
    {
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        "ms" => 1e-3,
        "us" or "µs" or "μs" => 1e-6,
        "ns" => 1e-9,
        _ => null,
    };
}
