using System.Globalization;

namespace Orchestrator.Control.CronJobs;

/// <summary>Durations as Go writes them: <c>1h30m</c>, <c>90s</c>, <c>1.5h</c>.</summary>
internal static class GoDuration
{
    /// <returns>Null if it is none.</returns>
    public static TimeSpan? Parse(string text)
    {
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
        return text.Length == 0 || seconds > TimeSpan.MaxValue.TotalSeconds ? null : TimeSpan.FromSeconds(seconds);
    }

    private static double? UnitSeconds(string unit) => unit switch
    {
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        "ms" => 1e-3,
        "us" or "µs" => 1e-6,
        "ns" => 1e-9,
        _ => null,
    };
}
