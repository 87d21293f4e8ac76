using System.Text;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Tests.Client;

public sealed class HttpLineStreamTests
{
    [Theory]
    [InlineData("")]
    [InlineData("one\n", "one")]
    [InlineData("one\n\ntwo\n", "one", "", "two")]
    [InlineData("one\nunfinished", "one", "unfinished")]
    public async Task A_stream_has_its_lines_and_then_an_end(string text, params string[] expected)
    {
        using var response = new HttpResponseMessage();
        await using var stream = new HttpLineStream(response, new MemoryStream(Encoding.UTF8.GetBytes(text)), null);

        var lines = new List<string>();
        while (lines.Count <= expected.Length && await stream.ReadLineAsync(CancellationToken.None) is { } line)
            lines.Add(Encoding.UTF8.GetString(line.Span));

        Assert.Equal(expected, lines);
        Assert.Null(await stream.ReadLineAsync(CancellationToken.None));
    }
}
