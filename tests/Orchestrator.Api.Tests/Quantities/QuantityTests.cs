using System.Globalization;
using System.Numerics;

namespace Orchestrator.Api.Tests.Quantities;

public sealed class QuantityTests
{
    private const string WrongFormat =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

    [Theory]
    [InlineData("0", "0")]
    [InlineData("0.0", "0")]
    [InlineData("-0", "0")]
    [InlineData("0n", "0")]
    [InlineData("0Ki", "0")]
    [InlineData("+", "0")]
    [InlineData("m", "0")]
    [InlineData(".", "0")]
    [InlineData("1", "1")]
    [InlineData("+1", "1")]
    [InlineData("007", "7")]
    [InlineData("0.5", "500m")]
    [InlineData(".5", "500m")]
    [InlineData("5.", "5")]
    [InlineData("1.5", "1500m")]
    [InlineData("1500m", "1500m")]
    [InlineData("1000m", "1")]
    [InlineData("100", "100")]
    [InlineData("1000", "1k")]
    [InlineData("1100", "1100")]
    [InlineData("1000000", "1M")]
    [InlineData("12000k", "12M")]
    [InlineData("1.25E", "1250P")]
    [InlineData("0.001", "1m")]
    [InlineData("0.0001", "100u")]
    [InlineData("0.000000001", "1n")]
    [InlineData("1000n", "1u")]
    [InlineData("1024Ki", "1Mi")]
    [InlineData("1Ki", "1Ki")]
    [InlineData("1.5Gi", "1536Mi")]
    [InlineData("0.5Ki", "512")]
    [InlineData("0.5Mi", "512Ki")]
    [InlineData("1023Ki", "1023Ki")]
    [InlineData("1025Ki", "1025Ki")]
    [InlineData("1.0000001Ki", "1024000102400n")]
    [InlineData("0.0001Ki", "102400u")]
    [InlineData("100Mi", "100Mi")]
    [InlineData("1e3", "1e3")]
    [InlineData("1E3", "1e3")]
    [InlineData("12e6", "12e6")]
    [InlineData("1200e1", "12e3")]
    [InlineData("1e0", "1")]
    [InlineData("15e-1", "1500e-3")]
    [InlineData("1e-9", "1e-9")]
    [InlineData("-1.5", "-1500m")]
    [InlineData("-1Ki", "-1Ki")]
    public void A_quantity_is_written_in_its_canonical_form(string text, string canonical)
    {
        Assert.Equal(canonical, Quantity.Parse(text).ToString());
        Assert.Equal(canonical, Quantity.Parse(canonical).ToString());
    }

    [Theory]
    [InlineData("0.1n", "1n")]
    [InlineData("-0.1n", "-1n")]
    [InlineData("0.0000000001", "1n")]
    [InlineData("1.0000000001", "1000000001n")]
    [InlineData("1e-10", "1e-9")]
    [InlineData("1e-1000000", "1e-9")]
    [InlineData("1e-2147483648", "1e-9")]
    public void What_is_finer_than_a_billionth_is_rounded_away_from_zero(string text, string canonical) =>
        Assert.Equal(canonical, Quantity.Parse(text).ToString());

    [Theory]
    [InlineData("9223372036854775807Ki")]
    [InlineData("8Ei")]
    [InlineData("10000Ei")]
    public void A_binary_quantity_ends_at_the_largest_64_bit_number(string text)
    {
        var quantity = Quantity.Parse(text);

        Assert.Equal(long.MaxValue, quantity.Value);
        Assert.Equal("9223372036854775807", quantity.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1.1.M")]
    [InlineData("1+1.0M")]
    [InlineData("0.1am")]
    [InlineData("aoeu")]
    [InlineData("1,5")]
    [InlineData("1Kib")]
    public void A_text_of_the_wrong_form_is_refused_in_the_words_of_Kubernetes(string text)
    {
        var refusal = Assert.Throws<FormatException>(() => Quantity.Parse(text));

        Assert.Equal(WrongFormat, refusal.Message);
        Assert.False(Quantity.TryParse(text, out _));
    }

    [Theory]
    [InlineData("1i")]
    [InlineData(".5i")]
    [InlineData("0.1mi")]
    [InlineData("1K")]
    [InlineData("1e")]
    [InlineData("-3.01e-")]
    [InlineData("1kk")]
    [InlineData("1MiMi")]
    [InlineData("1m5")]
    [InlineData("--1")]
    public void An_unknown_suffix_is_refused_in_the_words_of_Kubernetes(string text)
    {
        var refusal = Assert.Throws<FormatException>(() => Quantity.Parse(text));

        Assert.Equal("unable to parse quantity's suffix", refusal.Message);
    }

    [Fact]
    public void A_number_of_endless_size_is_refused_without_being_computed()
    {
        var refusal = Assert.Throws<FormatException>(() => Quantity.Parse("1e1000000000"));

        Assert.Equal("unable to parse numeric part of quantity", refusal.Message);
        Assert.False(Quantity.TryParse(new string('9', 100_000), out _));
        Assert.Equal("1n", Quantity.Parse("0." + new string('0', 100_000) + "1").ToString());
    }

    [Theory]
    [InlineData("1500m", 2, 1500)]
    [InlineData("1", 1, 1000)]
    [InlineData("1n", 1, 1)]
    [InlineData("-1n", -1, -1)]
    [InlineData("-1500m", -2, -1500)]
    [InlineData("1Ki", 1024, 1024_000)]
    [InlineData("100E", long.MaxValue, long.MaxValue)]
    [InlineData("-100E", long.MinValue, long.MinValue)]
    [InlineData("1e60", long.MaxValue, long.MaxValue)]
    [InlineData("9223372036854775807", long.MaxValue, long.MaxValue)]
    public void Whole_units_and_thousandths_are_rounded_away_from_zero(string text, long value, long milliValue)
    {
        var quantity = Quantity.Parse(text);

        Assert.Equal((value, milliValue), (quantity.Value, quantity.MilliValue));
    }

    [Theory]
    [InlineData("1", "500m", "1500m", "500m")]
    [InlineData("1Gi", "1G", "2073741824", "73741824")]
    [InlineData("1Gi", "1Gi", "2Gi", "0")]
    [InlineData("0", "1Ki", "1Ki", "-1Ki")]
    [InlineData("1e3", "1k", "2e3", "0")]
    [InlineData("1e40", "1n", "10000000000000000000000000000000000000000000000001e-9", "9999999999999999999999999999999999999999999999999e-9")]
    public void A_sum_and_a_difference_are_spelled_as_their_first_part(string left, string right, string sum, string difference)
    {
        var (a, b) = (Quantity.Parse(left), Quantity.Parse(right));

        Assert.Equal(sum, (a + b).ToString());
        Assert.Equal(difference, (a - b).ToString());
    }

    [Fact]
    public void Equal_amounts_are_equal_however_they_are_spelled()
    {
        Assert.Equal(Quantity.Parse("1024Ki"), Quantity.Parse("1048576"));
        Assert.Equal(Quantity.Parse("1024Ki").GetHashCode(), Quantity.Parse("1048576").GetHashCode());
        Assert.True(Quantity.Parse("1k") < Quantity.Parse("1Ki"));
        Assert.True(Quantity.Parse("1e30") > Quantity.Parse("1E"));
        Assert.Equal(default, Quantity.Parse("0"));
    }

    [Fact]
    public void Amounts_made_from_numbers_are_those_read_from_text()
    {
        Assert.Equal(Quantity.Parse("250m"), Quantity.FromMilli(250));
        Assert.Equal("250m", Quantity.FromMilli(250).ToString());
        Assert.Equal("1Gi", Quantity.FromInt64(1L << 30, QuantityFormat.BinarySI).ToString());
        Assert.Equal("9223372036854775807", Quantity.FromInt64(long.MaxValue).ToString());
    }

    [Fact]
    public void Random_quantities_agree_with_rational_numbers()
    {
        var random = new Random(20);
        for (int round = 0; round < 20_000; round++)
        {
            var (leftText, left) = RandomQuantity(random);
            var (rightText, right) = RandomQuantity(random);

            var (a, b) = (Quantity.Parse(leftText), Quantity.Parse(rightText));

            string about = $"{leftText} and {rightText} in round {round}";
            Assert.True(left.CompareTo(right) == a.CompareTo(b), about);
            AssertNanos(left, a, about);
            AssertNanos(left + right, a + b, about);
            AssertNanos(left - right, a - b, about);
            AssertNanos(left * 3, a * 3, about);
            AssertNanos(left, Quantity.Parse(a.ToString()), about);
            Assert.True(Clamp(CeilingAwayFromZero(left, 1_000_000_000)) == a.Value, about);
            Assert.True(Clamp(CeilingAwayFromZero(left, 1_000_000)) == a.MilliValue, about);
        }
    }

    /// <summary>The text's value in billionths, worked out on another way: as a fraction of whole numbers.</summary>
    private static (string Text, BigInteger Nanos) RandomQuantity(Random random)
    {
        (string Suffix, BigInteger Numerator, BigInteger Denominator)[] suffixes =
        [
            ("n", 1, 1_000_000_000), ("u", 1, 1_000_000), ("m", 1, 1000), ("", 1, 1), ("k", 1000, 1), ("M", 1_000_000, 1),
            ("G", 1_000_000_000, 1), ("Ki", 1024, 1), ("Mi", 1 << 20, 1), ("Gi", 1 << 30, 1), ("e2", 100, 1), ("e-2", 1, 100),
            ("E6", 1_000_000, 1), ("T", 1_000_000_000_000, 1), ("Ti", 1L << 40, 1),
        ];
        var (suffix, numerator, denominator) = suffixes[random.Next(suffixes.Length)];
        string whole = random.Next(4) == 0 ? "" : random.NextInt64(0, 1L << random.Next(1, 20)).ToString(CultureInfo.InvariantCulture);
        string fraction = whole == "" || random.Next(2) == 0 ? random.Next(1000).ToString("000", CultureInfo.InvariantCulture) : "";
        string sign = random.Next(5) == 0 ? "-" : "";
        string text = sign + whole + (fraction == "" ? "" : "." + fraction) + suffix;

        numerator *= BigInteger.Parse("0" + whole + fraction, CultureInfo.InvariantCulture) * 1_000_000_000;
        denominator *= BigInteger.Pow(10, fraction.Length);
        var nanos = CeilingAwayFromZero(numerator, denominator);
        return (text, sign == "-" ? -nanos : nanos);
    }

    private static BigInteger CeilingAwayFromZero(BigInteger numerator, BigInteger denominator)
    {
        var quotient = BigInteger.DivRem(numerator, denominator, out var rest);
        return quotient + rest.Sign;
    }

    private static BigInteger Clamp(BigInteger number) => BigInteger.Clamp(number, long.MinValue, long.MaxValue);

    private static void AssertNanos(BigInteger nanos, Quantity quantity, string about) =>
        Assert.True(Quantity.Parse($"{nanos}n") == quantity, $"{about}: expected {nanos}n, got {quantity}");
}
