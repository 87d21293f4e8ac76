using System.Globalization;

namespace Orchestrator.Api.Validation;

/// <summary>Reads a CronJob's schedule as the library behind Kubernetes' does, whose messages users see.</summary>
/// <remarks>
/// Five fields (<c>minute hour day-of-month month day-of-week</c>), each a list of <c>*</c>, <c>?</c>, <c>n</c>, <c>n-m</c>, all with
/// <c>/step</c>; months and days of the week also by name; <c>@hourly</c> and its kin; <c>@every 90m</c>; a zone before it
/// (<c>TZ=Europe/Berlin</c>).
/// </remarks>
internal static class CronSchedule
{
    private static readonly Dictionary<string, int> _noNames = [];

    private static readonly Dictionary<string, int> _months = new[]
        { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec" }
        .Index().ToDictionary(entry => entry.Item, entry => entry.Index + 1);

    private static readonly Dictionary<string, int> _days = new[] { "sun", "mon", "tue", "wed", "thu", "fri", "sat" }
        .Index().ToDictionary(entry => entry.Item, entry => entry.Index);

    private static readonly (int Low, int High, Dictionary<string, int> Names)[] _fields =
        [(0, 59, _noNames), (0, 23, _noNames), (1, 31, _noNames), (1, 12, _months), (0, 6, _days)];

    /// <returns>What is wrong with it, or null.</returns>
    public static string? Fault(string schedule)
    {
        if (schedule.Length == 0)
            return "empty spec string";
        if (schedule.StartsWith("TZ=", StringComparison.Ordinal) || schedule.StartsWith("CRON_TZ=", StringComparison.Ordinal))
        {
            int space = schedule.IndexOf(' ');
            string zone = schedule[(schedule.IndexOf('=') + 1)..(space < 0 ? schedule.Length : space)];
            if (!TimeZones.IsKnown(zone))
                return $"provided bad location {zone}: unknown time zone {zone}";
            schedule = space < 0 ? "" : schedule[space..].Trim();
        }
        if (schedule.StartsWith('@'))
            return DescriptorFault(schedule);
        string[] fields = schedule.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != _fields.Length)
            return string.Create(CultureInfo.InvariantCulture,
                $"expected exactly {_fields.Length} fields, found {fields.Length}: [{string.Join(' ', fields)}]");
        return fields.Zip(_fields).Select(pair => FieldFault(pair.First, pair.Second)).FirstOrDefault(fault => fault is not null);
    }

    private static string? DescriptorFault(string text)
    {
        switch (text)
        {
            case "@yearly" or "@annually" or "@monthly" or "@weekly" or "@daily" or "@midnight" or "@hourly":
                return null;
        }
        const string every = "@every ";
        if (!text.StartsWith(every, StringComparison.Ordinal))
            return $"unrecognized descriptor: {text}";
        return GoDuration.Parse(text[every.Length..]) is not null
            ? null
            : $"failed to parse duration {text}: time: invalid duration {GoText.Quote(text[every.Length..])}";
    }

    private static string? FieldFault(string field, (int Low, int High, Dictionary<string, int> Names) bounds) =>
        field.Split(',').Select(part => RangeFault(part, bounds)).FirstOrDefault(fault => fault is not null);

    private static string? RangeFault(string text, (int Low, int High, Dictionary<string, int> Names) bounds)
    {
        string[] stepped = text.Split('/');
        string[] ends = stepped[0].Split('-');
        int low = bounds.Low;
        int high = bounds.High;
        if (ends[0] is "*" or "?")
        {
            // Everything.
        }
        else if (Number(ends[0], bounds.Names, out low) is { } fault)
            return fault;
        else if (ends.Length > 2)
            return $"too many hyphens: {text}";
        else if (ends.Length == 2)
        {
            if (Number(ends[1], bounds.Names, out high) is { } second)
                return second;
        }
        else if (stepped.Length == 1)
            high = low;
        if (stepped.Length > 2)
            return $"too many slashes: {text}";
        int step = 1;
        if (stepped.Length == 2 && Number(stepped[1], _noNames, out step) is { } third)
            return third;
        return BoundsFault(text, low, high, step, bounds);
    }

    private static string? BoundsFault(
        string text, int low, int high, int step, (int Low, int High, Dictionary<string, int> Names) bounds)
    {
        if (low < bounds.Low)
            return Text($"beginning of range ({low}) below minimum ({bounds.Low}): {text}");
        if (high > bounds.High)
            return Text($"end of range ({high}) above maximum ({bounds.High}): {text}");
        if (low > high)
            return Text($"beginning of range ({low}) beyond end of range ({high}): {text}");
        return step == 0 ? $"step of range should be a positive number: {text}" : null;
    }

    private static string? Number(string text, Dictionary<string, int> names, out int number)
    {
        if (names.TryGetValue(text.ToLowerInvariant(), out number))
            return null;
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number))
            return $"failed to parse int from {text}: strconv.Atoi: parsing {GoText.Quote(text)}: invalid syntax";
        return number < 0 ? Text($"negative number ({number}) not allowed: {text}") : null;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
