using System.Globalization;

namespace Orchestrator.Api.Printing;

/// <summary>Spans of time as people read them: exact while short, coarse when long.</summary>
/// <remarks>Part of what a user sees in every list, so the steps are Kubernetes' own: seconds up to 2 min, then <c>5m30s</c> up to
/// 10 min, minutes up to 3 h, <c>3h15m</c> up to 8 h, hours up to 2 days, <c>3d4h</c> up to 8 days, days up to 2 years.</remarks>
public static class HumanDuration
{
    /// <summary><c>90s</c>, <c>5m30s</c>, <c>3d4h</c>; <c>&lt;invalid&gt;</c> for a span that lies more than a second ahead.</summary>
    public static string Format(TimeSpan span)
    {
        long seconds = span.Ticks / TimeSpan.TicksPerSecond;
        if (seconds < -1)
            return "<invalid>";
        if (seconds < 0)
            return "0s";
        if (seconds < 120)
            return Text($"{seconds}s");
        long minutes = seconds / 60;
        if (minutes < 10)
            return TwoUnits(minutes, 'm', seconds % 60, 's');
        if (minutes < 180)
            return Text($"{minutes}m");
        long hours = minutes / 60;
        if (hours < 8)
            return TwoUnits(hours, 'h', minutes % 60, 'm');
        if (hours < 48)
            return Text($"{hours}h");
        if (hours < 192)
            return TwoUnits(hours / 24, 'd', hours % 24, 'h');
        if (hours < HoursPerYear * 2)
            return Text($"{hours / 24}d");
        if (hours < HoursPerYear * 8)
            return TwoUnits(hours / HoursPerYear, 'y', hours / 24 % 365, 'd');
        return Text($"{hours / HoursPerYear}y");
    }

    /// <summary>With one unit: <c>5m</c>, <c>3d</c>.</summary>
    public static string FormatShort(TimeSpan span)
    {
        long seconds = span.Ticks / TimeSpan.TicksPerSecond;
        if (seconds < -1)
            return "<invalid>";
        if (seconds < 0)
            return "0s";
        if (seconds < 60)
            return Text($"{seconds}s");
        if (seconds < 3600)
            return Text($"{seconds / 60}m");
        long hours = seconds / 3600;
        if (hours < 24)
            return Text($"{hours}h");
        return hours < HoursPerYear ? Text($"{hours / 24}d") : Text($"{hours / HoursPerYear}y");
    }

    /// <summary>How long ago <paramref name="time"/> was; <c>&lt;unknown&gt;</c> for none.</summary>
    public static string Since(DateTimeOffset? time, DateTimeOffset now) => time is { } past ? Format(now - past) : "<unknown>";

    private const long HoursPerYear = 24 * 365;

    private static string TwoUnits(long first, char unit, long second, char smaller) =>
        second == 0 ? Text($"{first}{unit}") : Text($"{first}{unit}{second}{smaller}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
