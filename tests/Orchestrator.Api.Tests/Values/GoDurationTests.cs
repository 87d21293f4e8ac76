namespace Orchestrator.Api.Tests.Values;

public sealed class GoDurationTests
{
    [Theory]
    [InlineData("0", 0.0)]
    [InlineData("250ms", 0.25)]
    [InlineData("90s", 90.0)]
    [InlineData("1.5h", 5400.0)]
    [InlineData("1h30m10s", 5410.0)]
    [InlineData("2us", 0.000002)]
    [InlineData("", null)]
    [InlineData("5", null)]
    [InlineData("s", null)]
    [InlineData("1d", null)]
    [InlineData("-1s", null)]
    [InlineData("1.2.3s", null)]
    [InlineData("300000000h", null)] // Beyond what Go can count.
    public void A_text_is_a_duration_or_none(string text, double? seconds) =>
        Assert.Equal(seconds is { } count ? TimeSpan.FromSeconds(count) : null, GoDuration.Parse(text));

    [Theory]
    [InlineData(0.0, "0s")]
    [InlineData(59.9, "59s")]
    [InlineData(80.0, "1m20s")]
    [InlineData(300.0, "5m0s")]
    [InlineData(3600.0, "1h0m0s")]
    public void It_is_written_as_Go_writes_it(double seconds, string text) => Assert.Equal(text, GoDuration.Format(TimeSpan.FromSeconds(seconds)));
}
