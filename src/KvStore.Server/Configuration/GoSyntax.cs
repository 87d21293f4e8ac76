using System.Globalization;
using System.Numerics;
using System.Text;

namespace KvStore.Server.Configuration;

/// <summary>Values as Go's flag and time packages read and write them, which is what etcd's users write.</summary>
public static class GoSyntax
{
    private const long NanosecondsPerTick = 100;

    private static readonly (string Unit, long Nanoseconds)[] Units =
    [
        ("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ];

    public static bool TryParseBool(string text, out bool value)
    {
        value = text is "1" or "t" or "T" or "true" or "TRUE" or "True";
        return value || text is "0" or "f" or "F" or "false" or "FALSE" or "False";
    }

    /// <summary>A decimal number, or one after 0x, 0o, 0b or a leading 0 (octal), with "_" between digits.</summary>
    public static bool TryParseInteger(string text, out BigInteger value)
    {
        value = BigInteger.Zero;
        bool isNegative = text.StartsWith('-');
        ReadOnlySpan<char> digits = text.AsSpan(isNegative || text.StartsWith('+') ? 1 : 0);
        int radix = TakeRadix(ref digits);
        if (digits.IsEmpty || digits[0] == '_' || digits[^1] == '_')
            return false;
        foreach (char c in digits)
        {
            if (c == '_' && radix != 10)
                continue;
            int digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : int.MaxValue;
            if (digit >= radix)
                return false;
            value = (value * radix) + digit;
        }
        if (isNegative)
            value = -value;
        return true;
    }

    private static int TakeRadix(ref ReadOnlySpan<char> digits)
    {
        if (digits.Length < 2 || digits[0] != '0')
            return 10;
        int radix = char.ToLowerInvariant(digits[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 };
        digits = digits[(radix == 0 ? 1 : 2)..];
        return radix == 0 ? 8 : radix;
    }

    /// <summary>A sequence of numbers with units, <c>1h5m</c>, <c>1.5s</c>, <c>-100ms</c>, or a plain 0.</summary>
    public static bool TryParseDuration(string text, out TimeSpan value)
    {
        value = TimeSpan.Zero;
        bool isNegative = text.StartsWith('-');
        ReadOnlySpan<char> rest = text.AsSpan(isNegative || text.StartsWith('+') ? 1 : 0);
        if (rest is "0")
            return true;
        if (rest.IsEmpty)
            return false;
        decimal nanoseconds = 0;
        while (!rest.IsEmpty)
        {
            if (!TryTakeTerm(ref rest, out decimal term))
                return false;
            nanoseconds += term;
            if (nanoseconds > long.MaxValue)
                return false;
        }
        value = FromNanoseconds((long)(isNegative ? -nanoseconds : nanoseconds));
        return true;
    }

    public static TimeSpan FromNanoseconds(long nanoseconds) => new(nanoseconds / NanosecondsPerTick);

    private static bool TryTakeTerm(ref ReadOnlySpan<char> rest, out decimal nanoseconds)
    {
        nanoseconds = 0;
        int end = rest.IndexOfAnyExcept("0123456789.");
        if (end <= 0 || end > 28
            || !decimal.TryParse(rest[..end], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number))
        {
            return false;
        }
        rest = rest[end..];
        int unitEnd = rest.IndexOfAny("0123456789.");
        ReadOnlySpan<char> unit = unitEnd < 0 ? rest : rest[..unitEnd];
        foreach ((string name, long factor) in Units)
        {
            if (!unit.SequenceEqual(name))
                continue;
            rest = rest[unit.Length..];
            // Beyond this the whole would not fit a duration, and the product not a decimal.
            if (number > long.MaxValue / factor)
                return false;
            nanoseconds = number * factor;
            return true;
        }
        return false;
    }

    /// <summary>As Go prints durations: <c>1h5m0s</c>, <c>1.5s</c>, <c>100ms</c>, <c>0s</c>.</summary>
    public static string FormatDuration(TimeSpan value)
    {
        // Ticks are 100 ns, so an Int128 holds every value and its negation.
        Int128 nanoseconds = (Int128)value.Ticks * NanosecondsPerTick;
        if (nanoseconds == 0)
            return "0s";
        string sign = nanoseconds < 0 ? "-" : "";
        decimal magnitude = (decimal)Int128.Abs(nanoseconds);
        if (magnitude < 1_000)
            return sign + Format(magnitude, "ns");
        if (magnitude < 1_000_000)
            return sign + Format(magnitude / 1_000, "µs");
        if (magnitude < 1_000_000_000)
            return sign + Format(magnitude / 1_000_000, "ms");
        var text = new StringBuilder(sign);
        decimal seconds = magnitude / 1_000_000_000;
        if (seconds >= 3600)
            text.Append(CultureInfo.InvariantCulture, $"{decimal.Truncate(seconds / 3600)}h");
        if (seconds >= 60)
            text.Append(CultureInfo.InvariantCulture, $"{decimal.Truncate(seconds % 3600 / 60)}m");
        return text.Append(Format(seconds % 60, "s")).ToString();
    }

    private static string Format(decimal number, string unit) =>
        number.ToString("0.#########", CultureInfo.InvariantCulture) + unit;

    /// <summary>In double quotes, with what would break a line or the quotes escaped.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"' or '\\': quoted.Append('\\').Append(c); break;
                case '\n': quoted.Append("\\n"); break;
                case '\r': quoted.Append("\\r"); break;
                case '\t': quoted.Append("\\t"); break;
                case < ' ' or '\u007f': quoted.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"); break;
                default: quoted.Append(c); break;
            }
        }
        return quoted.Append('"').ToString();
    }
}
