using System.Globalization;
using System.Text;

namespace Orchestrator.Api;

/// <summary>RFC 3339 as the API writes it: in UTC, to the second (Time) or to the microsecond (MicroTime).</summary>
public static class Timestamps
{
    public const int LengthLimit = 27;

    private const int TicksPerMicrosecond = 10;

    /// <summary><c>2026-01-31T08:05:00Z</c>.</summary>
    public static string Format(DateTimeOffset time)
    {
        Span<byte> text = stackalloc byte[LengthLimit];
        return Encoding.ASCII.GetString(text[..Format(time, isMicro: false, text)]);
    }

    /// <summary><c>2026-01-31T08:05:00.000000Z</c>.</summary>
    public static string FormatMicro(DateTimeOffset time)
    {
        Span<byte> text = stackalloc byte[LengthLimit];
        return Encoding.ASCII.GetString(text[..Format(time, isMicro: true, text)]);
    }

    /// <summary>The time as a document keeps it: what is below the second is cut off.</summary>
    public static DateTimeOffset Truncate(DateTimeOffset time)
    {
        var utc = time.ToUniversalTime();
        return utc.AddTicks(-(utc.Ticks % TimeSpan.TicksPerSecond));
    }

    /// <summary>Takes any offset and any number of digits after the second, as Go does; what is below 100 ns is dropped.</summary>
    public static bool TryParse(ReadOnlySpan<byte> utf8, out DateTimeOffset time)
    {
        time = default;
        if (utf8.Length < "2006-01-02T15:04:05Z".Length || !HasShape(utf8)
            || !TryDigits(utf8[..4], out int year) || !TryDigits(utf8.Slice(5, 2), out int month)
            || !TryDigits(utf8.Slice(8, 2), out int day) || !TryDigits(utf8.Slice(11, 2), out int hour)
            || !TryDigits(utf8.Slice(14, 2), out int minute) || !TryDigits(utf8.Slice(17, 2), out int second))
            return false;
        var rest = utf8[19..];
        if (!TryFraction(ref rest, out long ticks) || !TryOffset(rest, out var offset))
            return false;
        return TryMake(year, month, day, new TimeSpan(hour, minute, second), ticks, offset, out time)
            && hour < 24 && minute < 60 && second < 60;
    }

    internal static int Format(DateTimeOffset time, bool isMicro, Span<byte> text)
    {
        var utc = time.ToUniversalTime();
        Digits(text, 4, utc.Year);
        text[4] = (byte)'-';
        Digits(text[5..], 2, utc.Month);
        text[7] = (byte)'-';
        Digits(text[8..], 2, utc.Day);
        text[10] = (byte)'T';
        Digits(text[11..], 2, utc.Hour);
        text[13] = (byte)':';
        Digits(text[14..], 2, utc.Minute);
        text[16] = (byte)':';
        Digits(text[17..], 2, utc.Second);
        int length = 19;
        if (isMicro)
        {
            text[length] = (byte)'.';
            Digits(text[(length + 1)..], 6, (int)(utc.Ticks % TimeSpan.TicksPerSecond / TicksPerMicrosecond));
            length += 7;
        }
        text[length] = (byte)'Z';
        return length + 1;
    }

    private static void Digits(Span<byte> text, int count, int value)
    {
        for (int index = count - 1; index >= 0; index--, value /= 10)
            text[index] = (byte)('0' + (value % 10));
    }

    private static bool HasShape(ReadOnlySpan<byte> utf8) =>
        utf8[4] == '-' && utf8[7] == '-' && utf8[10] == 'T' && utf8[13] == ':' && utf8[16] == ':';

    private static bool TryDigits(ReadOnlySpan<byte> digits, out int value)
    {
        value = 0;
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'9')
                return false;
            value = (value * 10) + digit - '0';
        }
        return true;
    }

    private static bool TryFraction(ref ReadOnlySpan<byte> rest, out long ticks)
    {
        ticks = 0;
        if (rest.IsEmpty || rest[0] is not ((byte)'.' or (byte)','))
            return true;
        int index = 1;
        for (long unit = TimeSpan.TicksPerSecond / 10; index < rest.Length && rest[index] is >= (byte)'0' and <= (byte)'9'; index++, unit /= 10)
            ticks += unit * (rest[index] - '0');
        rest = rest[index..];
        return index > 1;
    }

    private static bool TryOffset(ReadOnlySpan<byte> rest, out TimeSpan offset)
    {
        offset = default;
        if (rest is [(byte)'Z'])
            return true;
        if (rest.Length != 6 || rest[0] is not ((byte)'+' or (byte)'-') || rest[3] != ':'
            || !TryDigits(rest.Slice(1, 2), out int hours) || !TryDigits(rest.Slice(4, 2), out int minutes) || hours > 23 || minutes > 59)
            return false;
        offset = new TimeSpan(hours, minutes, 0);
        if (rest[0] == '-')
            offset = -offset;
        return true;
    }

    private static bool TryMake(
        int year, int month, int day, TimeSpan timeOfDay, long ticks, TimeSpan offset, out DateTimeOffset time)
    {
        time = default;
        if (year is < 1 or > 9999 || month is < 1 or > 12 || day < 1 || day > CultureInfo.InvariantCulture.Calendar.GetDaysInMonth(year, month))
            return false;
        long utc = new DateTimeOffset(year, month, day, 0, 0, 0, TimeSpan.Zero).Ticks + timeOfDay.Ticks + ticks - offset.Ticks;
        if (utc < DateTimeOffset.MinValue.Ticks || utc > DateTimeOffset.MaxValue.Ticks)
            return false;
        time = new DateTimeOffset(utc, TimeSpan.Zero);
        return true;
    }
}
