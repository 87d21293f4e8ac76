namespace Orchestrator.Api.Validation;

/// <summary>Names of time zones. What is known is what the system's zone data knows.</summary>
internal static class TimeZones
{
    public static bool IsKnown(string name) => name is "" or "UTC" || (TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone)
        && zone.HasIanaId);

    /// <returns>What is wrong with a CronJob's timeZone, or null.</returns>
    public static string? Fault(string name)
    {
        if (name.Length == 0)
            return "timeZone must be nil or non-empty string";
        if (name == "Local")
            return "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '+' or '/' or '.') || name.Contains("..", StringComparison.Ordinal))
            return $"unknown time zone {name}";
        return IsKnown(name) ? null : $"unknown time zone {name}";
    }
}
