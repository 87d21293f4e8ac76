using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace Orchestrator.Api;

/// <summary>An amount of a resource, exact to a billionth: <c>250m</c> of a CPU, <c>64Mi</c> of memory.</summary>
/// <remarks>
/// Held as a whole number of billionths, the finest step that Kubernetes keeps: comparing and adding are those of integers. What is
/// finer is rounded away from zero, so that whoever asks for something gets something. The notation that was read is remembered and
/// used for writing, in its canonical form: <c>0.5</c> becomes <c>500m</c>, <c>1024Ki</c> becomes <c>1Mi</c>.
/// <c>default</c> is zero.
/// </remarks>
public readonly struct Quantity : IEquatable<Quantity>, IComparable<Quantity>
{
    /// <summary>More digits than this before the decimal point, and a text is refused: it could only be an attack.</summary>
    private const int DigitsLimit = 400;

    /// <summary>A power of ten below this leaves nothing of any number within the limit of digits but its rounding.</summary>
    private const int SmallestPower = 4 * DigitsLimit;

    private const long NanosPerUnit = 1_000_000_000;

    private const string WrongFormat =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

    private const string WrongNumber = "unable to parse numeric part of quantity";
    private const string WrongSuffix = "unable to parse quantity's suffix";

    private static readonly string[] BinarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    private static readonly string[] DecimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

    private readonly Int128 _nanos;

    /// <summary>The billionths, as a boxed <see cref="BigInteger"/>, if they do not fit <see cref="_nanos"/>; else null.</summary>
    private readonly object? _big;

    private readonly QuantityFormat _format;

    private Quantity(Int128 nanos, QuantityFormat format)
    {
        _nanos = nanos;
        _format = format;
    }

    private Quantity(BigInteger nanos, QuantityFormat format)
    {
        _format = format;
        if (nanos >= Int128Min && nanos <= Int128Max)
            _nanos = (Int128)nanos;
        else
            _big = nanos;
    }

    private static BigInteger Int128Min { get; } = (BigInteger)Int128.MinValue;

    private static BigInteger Int128Max { get; } = (BigInteger)Int128.MaxValue;

    public static Quantity Zero => default;

    public QuantityFormat Format => _format;

    public bool IsZero => _big is null && _nanos == 0;

    /// <summary>-1, 0 or 1.</summary>
    public int Sign => _big is BigInteger big ? big.Sign : Int128.Sign(_nanos);

    /// <summary>Whole units, rounded away from zero; at most what a 64-bit number holds.</summary>
    public long Value => Scaled(NanosPerUnit);

    /// <summary>Thousandths, rounded away from zero; at most what a 64-bit number holds.</summary>
    public long MilliValue => Scaled(1_000_000);

    /// <summary>As a floating-point number, for display and for shares; not exact.</summary>
    public double ApproximateValue => (double)Nanos / NanosPerUnit;

    private BigInteger Nanos => _big is BigInteger big ? big : (BigInteger)_nanos;

    public static Quantity FromInt64(long value, QuantityFormat format = QuantityFormat.DecimalSI) =>
        new((Int128)value * NanosPerUnit, format);

    public static Quantity FromMilli(long value, QuantityFormat format = QuantityFormat.DecimalSI) =>
        new((Int128)value * 1_000_000, format);

    /// <exception cref="FormatException">Its message is Kubernetes' own.</exception>
    public static Quantity Parse(string text)
    {
        string? error = TryRead(text, out var quantity);
        return error is null ? quantity : throw new FormatException(error);
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out Quantity quantity)
    {
        quantity = default;
        return text is not null && TryRead(text, out quantity) is null;
    }

    public static Quantity Max(Quantity a, Quantity b) => a >= b ? a : b;

    public static Quantity Min(Quantity a, Quantity b) => a <= b ? a : b;

    /// <summary>The sum, spelled as the left one unless that is zero.</summary>
    public static Quantity operator +(Quantity left, Quantity right)
    {
        var format = left.IsZero ? right._format : left._format;
        if (left._big is null && right._big is null)
        {
            Int128 sum = unchecked(left._nanos + right._nanos);
            // The sum has left its range if both have one sign and it has the other.
            bool overflows = ((left._nanos ^ sum) & (right._nanos ^ sum)) < 0;
            if (!overflows)
                return new Quantity(sum, format);
        }
        return new Quantity(left.Nanos + right.Nanos, format);
    }

    /// <summary>The difference, spelled as the left one unless that is zero.</summary>
    public static Quantity operator -(Quantity left, Quantity right)
    {
        var format = left.IsZero ? right._format : left._format;
        return left + new Quantity(-right.Nanos, format);
    }

    public static Quantity operator -(Quantity quantity) => new(-quantity.Nanos, quantity._format);

    public static Quantity operator *(Quantity quantity, long factor) => new(quantity.Nanos * factor, quantity._format);

    public static bool operator ==(Quantity left, Quantity right) => left.Equals(right);

    public static bool operator !=(Quantity left, Quantity right) => !left.Equals(right);

    public static bool operator <(Quantity left, Quantity right) => left.CompareTo(right) < 0;

    public static bool operator >(Quantity left, Quantity right) => left.CompareTo(right) > 0;

    public static bool operator <=(Quantity left, Quantity right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Quantity left, Quantity right) => left.CompareTo(right) >= 0;

    public int CompareTo(Quantity other) =>
        _big is null && other._big is null ? _nanos.CompareTo(other._nanos) : Nanos.CompareTo(other.Nanos);

    /// <summary>Equal amounts, however they are spelled.</summary>
    public bool Equals(Quantity other) => CompareTo(other) == 0;

    public override bool Equals(object? obj) => obj is Quantity other && Equals(other);

    public override int GetHashCode() => _big is BigInteger big ? big.GetHashCode() : _nanos.GetHashCode();

    /// <summary>Rounds away from zero to thousandths: the finest step that lists of resources keep.</summary>
    public Quantity RoundUpToMilli()
    {
        var milli = DivideAwayFromZero(Nanos, 1_000_000);
        return new Quantity(milli * 1_000_000, _format);
    }

    /// <summary>The canonical form: no fraction, the largest suffix that keeps the number whole.</summary>
    public override string ToString()
    {
        if (IsZero)
            return "0";
        return _format switch
        {
            QuantityFormat.BinarySI when IsWrittenInBinary() => WriteBinary(),
            QuantityFormat.DecimalExponent => WriteDecimal(isExponent: true),
            _ => WriteDecimal(isExponent: false),
        };
    }

    /// <summary>Small and broken numbers are written in decimals, where binary suffixes would lose digits or mislead.</summary>
    private bool IsWrittenInBinary()
    {
        var nanos = Nanos;
        return BigInteger.Abs(nanos) >= (BigInteger)1024 * NanosPerUnit && nanos % NanosPerUnit == 0;
    }

    private string WriteBinary()
    {
        var mantissa = Nanos / NanosPerUnit;
        int step = 0;
        while (step < BinarySuffixes.Length - 1 && mantissa % 1024 == 0)
        {
            mantissa /= 1024;
            step++;
        }
        return mantissa.ToString(CultureInfo.InvariantCulture) + BinarySuffixes[step];
    }

    private string WriteDecimal(bool isExponent)
    {
        var mantissa = Nanos;
        int exponent = -9;
        while (mantissa % 1000 == 0)
        {
            mantissa /= 1000;
            exponent += 3;
        }
        string number = mantissa.ToString(CultureInfo.InvariantCulture);
        int step = exponent / 3 + 3;
        // Above E there is no letter; Kubernetes drops the exponent there, which would make another number of it.
        if (isExponent || step >= DecimalSuffixes.Length)
            return exponent == 0 ? number : string.Create(CultureInfo.InvariantCulture, $"{number}e{exponent}");
        return number + DecimalSuffixes[step];
    }

    private long Scaled(long nanosPerStep)
    {
        if (_big is BigInteger big)
            return big.Sign < 0 ? long.MinValue : long.MaxValue;
        var (quotient, rest) = Int128.DivRem(_nanos, nanosPerStep);
        if (rest != 0)
            quotient += Int128.Sign(rest);
        return quotient > long.MaxValue ? long.MaxValue : quotient < long.MinValue ? long.MinValue : (long)quotient;
    }

    private static BigInteger DivideAwayFromZero(BigInteger dividend, BigInteger divisor)
    {
        var quotient = BigInteger.DivRem(dividend, divisor, out var rest);
        return quotient + rest.Sign;
    }

    /// <returns>What is wrong with the text, or null.</returns>
    private static string? TryRead(string text, out Quantity quantity)
    {
        quantity = default;
        if (text.Length == 0)
            return WrongFormat;
        int position = text[0] is '+' or '-' ? 1 : 0;
        bool isNegative = text[0] == '-';
        // A sign and zeros alone are zero, and so is a sign alone.
        int significant = position;
        while (significant < text.Length && text[significant] == '0')
            significant++;
        if (significant == text.Length)
            return null;

        var whole = TakeDigits(text, ref significant);
        position = significant;
        var fraction = ReadOnlySpan<char>.Empty;
        bool hasDigits = position > (text[0] is '+' or '-' ? 1 : 0);
        if (position < text.Length && text[position] == '.')
        {
            position++;
            fraction = TakeDigits(text, ref position);
            hasDigits |= fraction.Length > 0;
        }

        int suffixStart = position;
        while (position < text.Length && IsSuffixLetter(text[position]))
            position++;
        if (position < text.Length && text[position] is '+' or '-')
            position++;
        _ = TakeDigits(text, ref position);
        if (position < text.Length)
            return WrongFormat;
        if (!TryReadSuffix(text.AsSpan(suffixStart), out int power, out var format))
            return WrongSuffix;
        // Without a digit it is zero, as Kubernetes has it: "m" is none of whatever it is.
        if (!hasDigits && format == QuantityFormat.DecimalExponent && power < -9)
            return WrongNumber;
        return Compose(whole, fraction, power, format, isNegative, ref quantity);
    }

    private static bool IsSuffixLetter(char c) => c is 'e' or 'E' or 'i' or 'n' or 'u' or 'm' or 'k' or 'K' or 'M' or 'G' or 'T' or 'P';

    private static ReadOnlySpan<char> TakeDigits(string text, scoped ref int position)
    {
        int start = position;
        while (position < text.Length && char.IsAsciiDigit(text[position]))
            position++;
        return text.AsSpan(start, position - start);
    }

    /// <param name="power">A power of two for <see cref="QuantityFormat.BinarySI"/>, else of ten.</param>
    private static bool TryReadSuffix(ReadOnlySpan<char> suffix, out int power, out QuantityFormat format)
    {
        format = QuantityFormat.DecimalSI;
        power = 0;
        if (suffix is "")
            return true;
        if (suffix.Length > 1 && suffix[0] is 'e' or 'E' && suffix is not "Ei")
        {
            format = QuantityFormat.DecimalExponent;
            return int.TryParse(suffix[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out power);
        }
        if (suffix.Length == 1)
        {
            int step = "num kMGTPE".IndexOf(suffix[0]);
            power = 3 * step - 9;
            return step >= 0 && suffix[0] != ' ';
        }
        format = QuantityFormat.BinarySI;
        int binaryStep = suffix.Length == 2 && suffix[1] == 'i' ? "KMGTPE".IndexOf(suffix[0]) : -1;
        power = 10 * (binaryStep + 1);
        return binaryStep >= 0;
    }

    private static string? Compose(ReadOnlySpan<char> whole, ReadOnlySpan<char> fraction, int power, QuantityFormat format,
        bool isNegative, ref Quantity quantity)
    {
        // A long tail of digits can only round up: what is behind the limit counts as one more digit that is not zero.
        if (whole.Length > DigitsLimit || power > DigitsLimit)
            return WrongNumber;
        bool hasTail = fraction.Length > DigitsLimit && fraction[DigitsLimit..].ContainsAnyExcept('0');
        if (fraction.Length > DigitsLimit)
            fraction = fraction[..DigitsLimit];
        var mantissa = BigInteger.Parse($"0{whole}{fraction}{(hasTail ? "1" : "")}", NumberStyles.None, CultureInfo.InvariantCulture);
        if (mantissa.IsZero)
        {
            quantity = new Quantity((Int128)0, format);
            return null;
        }
        int decimals = fraction.Length + (hasTail ? 1 : 0);
        if (format == QuantityFormat.BinarySI)
            mantissa <<= power;
        else
            decimals -= Math.Max(power, -SmallestPower);
        var nanos = ToNanos(mantissa, decimals);
        if (format == QuantityFormat.BinarySI)
        {
            nanos = BigInteger.Min(nanos, (BigInteger)long.MaxValue * NanosPerUnit);
            if (nanos < NanosPerUnit)
                format = QuantityFormat.DecimalSI;
        }
        quantity = new Quantity(isNegative ? -nanos : nanos, format);
        return null;
    }

    /// <summary>mantissa / 10^decimals in billionths, rounded up.</summary>
    private static BigInteger ToNanos(BigInteger mantissa, int decimals)
    {
        if (decimals <= 9)
            return mantissa * BigInteger.Pow(10, 9 - decimals);
        // So small that nothing but the rounding is left; the power need not be computed.
        if (decimals >= SmallestPower)
            return BigInteger.One;
        return DivideAwayFromZero(mantissa, BigInteger.Pow(10, decimals - 9));
    }
}
