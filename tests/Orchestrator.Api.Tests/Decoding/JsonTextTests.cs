using System.Text;
using System.Text.Json;
using Orchestrator.Api.Decoding;

namespace Orchestrator.Api.Tests.Decoding;

public sealed class JsonTextTests
{
    [Theory]
    [InlineData("""{"a":1,"a":2}""", """{"a":2}""")]
    [InlineData("""{"n":12345678901234567890123.4500}""", """{"n":12345678901234567890123.4500}""")]
    [InlineData(""" [ 1 , null , true ] """, """[1,null,true]""")]
    [InlineData("""{"a":"x\ny"}""", """{"a":"x\ny"}""")]
    public void A_text_is_read_with_its_last_keys_and_exact_numbers(string text, string expected) =>
        Assert.Equal(expected, JsonText.Parse(Encoding.UTF8.GetBytes(text))!.ToJsonString());

    [Fact]
    public void Null_is_read_as_null() => Assert.Null(JsonText.Parse("null"u8));

    [Fact]
    public void Half_a_character_becomes_a_replacement_character()
    {
        Assert.Equal("a\ufffdb", JsonText.Parse("""  "a\ud800b" """u8)!.GetValue<string>());
        Assert.Equal("\ufffd", JsonText.Parse([(byte)'"', 0xc3, (byte)'"'])!.GetValue<string>());
    }

    [Fact]
    public void A_text_that_is_nested_without_end_is_refused()
    {
        byte[] text = Encoding.UTF8.GetBytes(new string('[', 100_000));

        Assert.Equal("exceeded max depth", Assert.Throws<JsonException>(() => JsonText.Parse(text)).Message);
    }
}
