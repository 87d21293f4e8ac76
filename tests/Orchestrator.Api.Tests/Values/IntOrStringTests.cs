namespace Orchestrator.Api.Tests.Values;

public sealed class IntOrStringTests
{
    [Theory]
    [InlineData("25%", 10, true, 3)]
    [InlineData("25%", 10, false, 2)]
    [InlineData("0%", 10, true, 0)]
    [InlineData("100%", 7, false, 7)]
    [InlineData("150%", 3, true, 5)]
    public void A_percentage_is_scaled_and_rounded_as_asked(string percentage, int total, bool roundUp, int scaled) =>
        Assert.Equal(scaled, IntOrString.FromString(percentage).Scaled(total, roundUp));

    [Fact]
    public void A_number_is_not_scaled() => Assert.Equal(4, IntOrString.FromInt(4).Scaled(100, roundUp: true));

    [Theory]
    [InlineData("4", "invalid value for IntOrString: invalid type: string is not a percentage")]
    [InlineData("x%", "invalid value for IntOrString: invalid value \"x%\": strconv.Atoi: parsing \"x\": invalid syntax")]
    public void A_text_that_is_no_percentage_is_refused_in_Kubernetes_words(string text, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => IntOrString.FromString(text).Scaled(1, true)).Message);

    [Fact]
    public void A_text_of_digits_is_still_a_text()
    {
        IntOrString text = "80", number = 80;

        Assert.NotEqual(text, number);
        Assert.False(text.IsInt);
        Assert.Equal((80, "80"), (text.IntValue, number.StringValue));
        Assert.Equal(number, IntOrString.Parse("80"));
    }
}
