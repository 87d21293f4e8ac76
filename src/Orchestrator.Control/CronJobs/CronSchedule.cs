using System.Globalization;

namespace Orchestrator.Control.CronJobs;

/// <summary>The five fields of a cron expression: minute, hour, day of the month, month, day of the week.</summary>
/// <remarks>When both days are restricted, either is enough, as cron always had it. Days are those of the time zone.</remarks>
public sealed class CronSchedule
{
    private static readonly string[] Months =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

    private static readonly string[] Days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    private readonly ulong _minutes;
    private readonly ulong _hours;
    private readonly ulong _days;
    private readonly ulong _months;
    private readonly ulong _weekdays;
    private readonly bool _isAnyDay;
    private readonly bool _isAnyWeekday;
    private readonly TimeSpan? _every;

    private CronSchedule(TimeSpan every) => _every = every;

    private CronSchedule(string[] fields)
    {
        _minutes = Field(fields[0], 0, 59, []);
        _hours = Field(fields[1], 0, 23, []);
        _days = Field(fields[2], 1, 31, []);
        _months = Field(fields[3], 1, 12, Months);
        _weekdays = Field(fields[4], 0, 6, Days);
        _isAnyDay = IsStar(fields[2]);
        _isAnyWeekday = IsStar(fields[4]);
    }

    /// <exception cref="FormatException">It is no cron expression; the message says why.</exception>
    public static CronSchedule Parse(string text)
    {
        string trimmed = text.Trim();
        if (trimmed.Length == 0)
            throw new FormatException("empty spec string");
        if (trimmed[0] == '@')
            return ParseDescriptor(trimmed);
        string[] fields = trimmed.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != 5)
            throw new FormatException($"expected exactly 5 fields, found {fields.Length}: [{string.Join(' ', fields)}]");
        return new CronSchedule(fields);
    }

    private static CronSchedule ParseDescriptor(string text)
    {
        const string Every = "@every ";
        if (text.StartsWith(Every, StringComparison.Ordinal))
            return new CronSchedule(GoDuration.Parse(text[Every.Length..]) is { } every
                ? TimeSpan.FromSeconds(Math.Max(1, Math.Floor(every.TotalSeconds)))
                : throw new FormatException($"failed to parse duration {text}"));
        return Parse(text switch
        {
            "@yearly" or "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" or "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => throw new FormatException($"unrecognized descriptor: {text}"),
        });
    }

    /// <summary>The first time after <paramref name="time"/>; null if there is none within five years (30 February).</summary>
    public DateTimeOffset? Next(DateTimeOffset time, TimeZoneInfo zone)
    {
        if (_every is { } every)
            return new DateTimeOffset(time.Ticks - (time.Ticks % TimeSpan.TicksPerSecond), time.Offset) + every;
        // Stepping through real instants, not through the clock on the wall, gets clock changes right: an hour that is
        // skipped has no instants, one that comes twice has twice as many.
        var next = time.ToUniversalTime();
        next = next.AddTicks(-(next.Ticks % TimeSpan.TicksPerMinute)).AddMinutes(1);
        var limit = time.AddYears(5);
        while (next <= limit)
        {
            var local = TimeZoneInfo.ConvertTime(next, zone);
            if (!Has(_months, local.Month) || !IsDayWanted(local))
                next = NextMidnight(next, local, zone);
            else if (!Has(_hours, local.Hour))
                next = next.AddMinutes(60 - local.Minute);
            else if (!Has(_minutes, local.Minute))
                next = next.AddMinutes(1);
            else
                return next;
        }
        return null;
    }

    private static DateTimeOffset NextMidnight(DateTimeOffset time, DateTimeOffset local, TimeZoneInfo zone)
    {
        var next = time.AddMinutes(((24 - local.Hour) * 60) - local.Minute);
        // On a day that is longer or shorter this misses midnight by the clock's change.
        var reached = TimeZoneInfo.ConvertTime(next, zone);
        if (reached.Day == local.Day)
            return next.AddMinutes(((24 - reached.Hour) * 60) - reached.Minute);
        var midnight = next.AddMinutes(-((reached.Hour * 60) + reached.Minute));
        return TimeZoneInfo.ConvertTime(midnight, zone).Day == reached.Day ? midnight : next;
    }

    private bool IsDayWanted(DateTimeOffset local)
    {
        bool day = Has(_days, local.Day);
        bool weekday = Has(_weekdays, (int)local.DayOfWeek);
        return _isAnyDay || _isAnyWeekday ? day && weekday : day || weekday;
    }

    private static bool Has(ulong set, int value) => (set >> value & 1) != 0;

    private static bool IsStar(string field) => field[0] is '*' or '?';

    private static ulong Field(string field, int min, int max, string[] names)
    {
        ulong set = 0;
        foreach (string part in field.Split(',', StringSplitOptions.RemoveEmptyEntries))
            set |= Range(part, min, max, names);
        return set != 0 ? set : throw new FormatException($"empty field: {field}");
    }

    private static ulong Range(string text, int min, int max, string[] names)
    {
        string[] stepped = text.Split('/');
        if (stepped.Length > 2)
            throw new FormatException($"too many slashes: {text}");
        string[] bounds = stepped[0].Split('-');
        int first, last;
        if (bounds[0] is "*" or "?")
        {
            (first, last) = (min, max);
            if (bounds.Length > 1)
                throw new FormatException($"too many hyphens: {text}");
        }
        else
        {
            if (bounds.Length > 2)
                throw new FormatException($"too many hyphens: {text}");
            first = Value(bounds[0], min, names);
            last = bounds.Length == 2 ? Value(bounds[1], min, names) : stepped.Length == 2 ? max : first;
        }
        int step = stepped.Length == 2 ? Value(stepped[1], 0, []) : 1;
        Check(text, first, last, step, min, max);
        ulong set = 0;
        for (int value = first; value <= last; value += step)
            set |= 1UL << value;
        return set;
    }

    private static void Check(string text, int first, int last, int step, int min, int max)
    {
        if (first < min)
            throw new FormatException($"beginning of range ({first}) below minimum ({min}): {text}");
        if (last > max)
            throw new FormatException($"end of range ({last}) above maximum ({max}): {text}");
        if (first > last)
            throw new FormatException($"beginning of range ({first}) beyond end of range ({last}): {text}");
        if (step == 0)
            throw new FormatException($"step of range should be a positive number: {text}");
    }

    private static int Value(string text, int min, string[] names)
    {
        int named = Array.FindIndex(names, name => name.Equals(text, StringComparison.OrdinalIgnoreCase));
        if (named >= 0)
            return named + min;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value : throw new FormatException($"failed to parse int from {text}");
    }
}
