using Orchestrator.Api.Printing;

namespace Orchestrator.Api.Tests.Printing;

public sealed class HumanDurationTests
{
    [Theory]
    [InlineData("-00:00:05", "<invalid>")]
    [InlineData("-00:00:01", "0s")]
    [InlineData("00:00:00", "0s")]
    [InlineData("00:00:59", "59s")]
    [InlineData("00:01:59", "119s")]
    [InlineData("00:02:00", "2m")]
    [InlineData("00:05:30", "5m30s")]
    [InlineData("00:09:59", "9m59s")]
    [InlineData("00:10:59", "10m")]
    [InlineData("02:59:59", "179m")]
    [InlineData("03:00:00", "3h")]
    [InlineData("03:15:59", "3h15m")]
    [InlineData("07:59:00", "7h59m")]
    [InlineData("08:59:00", "8h")]
    [InlineData("1.23:59:00", "47h")]
    [InlineData("2.00:00:00", "2d")]
    [InlineData("3.04:30:00", "3d4h")]
    [InlineData("7.23:00:00", "7d23h")]
    [InlineData("8.00:00:00", "8d")]
    [InlineData("729.00:00:00", "729d")]
    [InlineData("730.00:00:00", "2y")]
    [InlineData("735.00:00:00", "2y5d")]
    [InlineData("2920.00:00:00", "8y")]
    [InlineData("4000.00:00:00", "10y")]
    public void A_span_is_exact_while_short_and_coarse_when_long(string span, string expected) =>
        Assert.Equal(expected, HumanDuration.Format(TimeSpan.Parse(span, System.Globalization.CultureInfo.InvariantCulture)));

    [Theory]
    [InlineData("-00:00:05", "<invalid>")]
    [InlineData("00:00:59", "59s")]
    [InlineData("00:05:30", "5m")]
    [InlineData("05:30:00", "5h")]
    [InlineData("3.04:30:00", "3d")]
    [InlineData("400.00:00:00", "1y")]
    public void A_short_span_has_one_unit(string span, string expected) =>
        Assert.Equal(expected, HumanDuration.FormatShort(TimeSpan.Parse(span, System.Globalization.CultureInfo.InvariantCulture)));

    [Fact]
    public void A_time_that_is_not_known_has_no_age() => Assert.Equal("<unknown>", HumanDuration.Since(null, Documents.Now));
}
