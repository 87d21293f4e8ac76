using System.Text;
using System.Text.Json;

namespace Orchestrator.Api.Tests.Serialization;

public sealed class SharedTextsTests
{
    [Fact]
    public void A_short_text_that_comes_again_is_the_same_string()
    {
        string first = Read("\"PreemptLowerPriority\"");

        Assert.Same(first, Read("\"PreemptLowerPriority\""));
        Assert.NotSame(Read("\"a text of more than thirty-two characters\""), Read("\"a text of more than thirty-two characters\""));
    }

    [Fact]
    public void Every_text_is_read_as_it_stands_whatever_was_read_before()
    {
        var random = new Random(7);
        for (int count = 0; count < 200_000; count++)
        {
            string text = Text(random);

            Assert.Equal(text, Read($"\"{text}\""));
        }
    }

    [Fact]
    public void Escaped_texts_and_texts_beyond_ASCII_are_read_as_well()
    {
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal("a\"b", Read("""
                "a\"b"
                """));
            Assert.Equal("größer", Read("\"größer\""));
            Assert.Equal("", Read("\"\""));
        }
    }

    private static string Text(Random random)
    {
        var text = new StringBuilder();
        for (int length = random.Next(12); length > 0; length--)
            text.Append("abé-/"[random.Next(5)]);
        return text.ToString();
    }

    private static string Read(string json)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        reader.Read();
        return SharedTexts.Get(ref reader);
    }
}
