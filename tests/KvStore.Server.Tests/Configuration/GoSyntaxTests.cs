using System.Numerics;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tests.Configuration;

public class GoSyntaxTests
{
    [Theory]
    [InlineData("0", "0s")]
    [InlineData("100ms", "100ms")]
    [InlineData("1h5m", "1h5m0s")]
    [InlineData("1.5s", "1.5s")]
    [InlineData(".5s", "500ms")]
    [InlineData("1.s", "1s")]
    [InlineData("-3s", "-3s")]
    [InlineData("+3s", "3s")]
    [InlineData("90m", "1h30m0s")]
    [InlineData("300us", "300µs")]
    [InlineData("300µs", "300µs")]
    [InlineData("2s30ms", "2.03s")]
    [InlineData("500ns", "500ns")]
    [InlineData("7200000000000ns", "2h0m0s")]
    [InlineData("2540400h10m10s", "2540400h10m10s")]
    public void A_duration_is_read_and_printed_as_Go_does(string text, string printed)
    {
        Assert.True(GoSyntax.TryParseDuration(text, out TimeSpan value));

        Assert.Equal(printed, GoSyntax.FormatDuration(value));
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("-")]
    [InlineData("s")]
    [InlineData(".s")]
    [InlineData("1d")]
    [InlineData("1.2.3s")]
    [InlineData("1h x")]
    [InlineData("2562048h")]
    [InlineData("99999999999999999999999999h")]
    [InlineData("1e3s")]
    public void A_text_that_is_no_duration_is_refused(string text) => Assert.False(GoSyntax.TryParseDuration(text, out _));

    [Theory]
    [InlineData("10", 10)]
    [InlineData("-1", -1)]
    [InlineData("+7", 7)]
    [InlineData("0", 0)]
    [InlineData("0x10", 16)]
    [InlineData("0b101", 5)]
    [InlineData("0o17", 15)]
    [InlineData("017", 15)]
    [InlineData("0x1_0", 16)]
    public void An_integer_is_read_in_the_bases_of_Go(string text, long expected)
    {
        Assert.True(GoSyntax.TryParseInteger(text, out BigInteger value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("1x")]
    [InlineData("08")]
    [InlineData("1_000")]
    [InlineData("0x")]
    [InlineData("1.5")]
    [InlineData(" 1")]
    public void A_text_that_is_no_integer_is_refused(string text) => Assert.False(GoSyntax.TryParseInteger(text, out _));

    [Fact]
    public void Quoting_keeps_a_text_on_one_line() => Assert.Equal("\"a\\\"b\\n\\x00\"", GoSyntax.Quote("a\"b\n\0"));
}
