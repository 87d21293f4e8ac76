using System.Globalization;
using Orchestrator.Api.Validation;

namespace Orchestrator.Api;

/// <summary>When a CronJob starts, as the library behind Kubernetes' reads it, whose messages users see.</summary>
/// <remarks>
/// Five fields (<c>minute hour day-of-month month day-of-week</c>), each a list of <c>*</c>, <c>?</c>, <c>n</c>, <c>n-m</c>, all with
/// <c>/step</c>; months and days of the week also by name; <c>@hourly</c> and its kin; <c>@every 90m</c>; a zone before it
/// (<c>TZ=Europe/Berlin</c>). When both days are restricted, either is enough, as cron always had it. Days are those of the zone.
/// </remarks>
public sealed class CronSchedule
{
    private static readonly string[] Months =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

    private static readonly string[] Days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    private readonly Field _minutes;
    private readonly Field _hours;
    private readonly Field _days;
    private readonly Field _months;
    private readonly Field _weekdays;
    private readonly TimeSpan? _every;
    private readonly TimeZoneInfo? _zone;

    private CronSchedule(TimeSpan every) => _every = every;

    private CronSchedule(string[] fields, TimeZoneInfo? zone)
    {
        _minutes = Field.Parse(fields[0], 0, 59, []);
        _hours = Field.Parse(fields[1], 0, 23, []);
        _days = Field.Parse(fields[2], 1, 31, []);
        _months = Field.Parse(fields[3], 1, 12, Months);
        _weekdays = Field.Parse(fields[4], 0, 6, Days);
        _zone = zone;
    }

    /// <exception cref="FormatException">It is no schedule; the message says why.</exception>
    public static CronSchedule Parse(string text)
    {
        const int FieldCount = 5;
        if (text.Length == 0)
            throw new FormatException("empty spec string");
        var zone = TakeZone(ref text);
        if (text.StartsWith('@'))
            return ParseDescriptor(text, zone);
        string[] fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return fields.Length == FieldCount
            ? new CronSchedule(fields, zone)
            : throw Fault($"expected exactly {FieldCount} fields, found {fields.Length}: [{string.Join(' ', fields)}]");
    }

    private static TimeZoneInfo? TakeZone(ref string text)
    {
        if (!text.StartsWith("TZ=", StringComparison.Ordinal) && !text.StartsWith("CRON_TZ=", StringComparison.Ordinal))
            return null;
        int space = text.IndexOf(' ');
        string name = text[(text.IndexOf('=') + 1)..(space < 0 ? text.Length : space)];
        text = space < 0 ? "" : text[space..].Trim();
        if (!TimeZones.IsKnown(name))
            throw Fault($"provided bad location {name}: unknown time zone {name}");
        return name is "" or "UTC" ? TimeZoneInfo.Utc : TimeZoneInfo.FindSystemTimeZoneById(name);
    }

    private static CronSchedule ParseDescriptor(string text, TimeZoneInfo? zone)
    {
        const string Every = "@every ";
        if (text.StartsWith(Every, StringComparison.Ordinal))
        {
            string duration = text[Every.Length..];
            // Whole seconds, and one at least.
            return GoDuration.Parse(duration) is { } every
                ? new CronSchedule(TimeSpan.FromSeconds(Math.Max(1, Math.Floor(every.TotalSeconds))))
                : throw Fault($"failed to parse duration {text}: time: invalid duration {GoText.Quote(duration)}");
        }
        string fields = text switch
        {
            "@yearly" or "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" or "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => throw Fault($"unrecognized descriptor: {text}"),
        };
        return new CronSchedule(fields.Split(' '), zone);
    }

    /// <summary>The first time after <paramref name="time"/>; null if there is none within five years (30 February).</summary>
    public DateTimeOffset? Next(DateTimeOffset time, TimeZoneInfo zone)
    {
        zone = _zone ?? zone;
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
            if (!_months.Has(local.Month) || !IsDayWanted(local))
                next = NextMidnight(next, local, zone);
            else if (!_hours.Has(local.Hour))
                next = next.AddMinutes(60 - local.Minute);
            else if (!_minutes.Has(local.Minute))
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
        bool day = _days.Has(local.Day);
        bool weekday = _weekdays.Has((int)local.DayOfWeek);
        return _days.IsAny || _weekdays.IsAny ? day && weekday : day || weekday;
    }

    private static FormatException Fault(FormattableString text) => new(text.ToString(CultureInfo.InvariantCulture));

    /// <summary>The values of one field, a bit each.</summary>
    /// <param name="IsAny">All of them, said by a star without a step.</param>
    private readonly record struct Field(ulong Values, bool IsAny)
    {
        public static Field Parse(string text, int min, int max, string[] names)
        {
            var field = new Field(0, false);
            foreach (string part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                var range = Range(part, min, max, names);
                field = new Field(field.Values | range.Values, field.IsAny || range.IsAny);
            }
            return field;
        }

        public bool Has(int value) => (Values >> value & 1) != 0;

        private static Field Range(string text, int min, int max, string[] names)
        {
            string[] stepped = text.Split('/');
            string[] ends = stepped[0].Split('-');
            bool isStar = ends[0] is "*" or "?";
            int first = isStar ? min : Number(ends[0], min, names);
            int last = isStar ? max
                : ends.Length == 1 ? first
                : ends.Length == 2 ? Number(ends[1], min, names)
                : throw Fault($"too many hyphens: {text}");
            if (stepped.Length > 2)
                throw Fault($"too many slashes: {text}");
            int step = stepped.Length == 2 ? Number(stepped[1], 0, []) : 1;
            if (stepped.Length == 2 && ends.Length == 1)
                last = max; // 5/15 is 5-59/15.
            Check(text, first, last, step, min, max);
            ulong values = 0;
            for (long value = first; value <= last; value += step)
                values |= 1UL << (int)value;
            return new Field(values, isStar && step == 1);
        }

        private static void Check(string text, int first, int last, int step, int min, int max)
        {
            if (first < min)
                throw Fault($"beginning of range ({first}) below minimum ({min}): {text}");
            if (last > max)
                throw Fault($"end of range ({last}) above maximum ({max}): {text}");
            if (first > last)
                throw Fault($"beginning of range ({first}) beyond end of range ({last}): {text}");
            if (step == 0)
                throw Fault($"step of range should be a positive number: {text}");
        }

        private static int Number(string text, int min, string[] names)
        {
            int named = Array.FindIndex(names, name => name.Equals(text, StringComparison.OrdinalIgnoreCase));
            if (named >= 0)
                return named + min;
            if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number))
                throw Fault($"failed to parse int from {text}: strconv.Atoi: parsing {GoText.Quote(text)}: invalid syntax");
            return number >= 0 ? number : throw Fault($"negative number ({number}) not allowed: {text}");
        }
    }
}
