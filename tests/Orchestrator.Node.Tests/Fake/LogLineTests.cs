using System.Text;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Logs;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>The lines of CRI's log files.</summary>
public sealed class LogLineTests
{
    private const string Time = "2026-11-21T09:30:54.176576187Z";

    [Fact]
    public void A_line_has_its_time_stream_and_text()
    {
        LogLine line = Add(new LogLineParser(), $"{Time} stderr F some  text ")!;

        Assert.Equal(new DateTimeOffset(2026, 11, 21, 9, 30, 54, TimeSpan.Zero).AddTicks(1765761), line.Time);
        Assert.Equal((true, "some  text ", false), (line.IsStderr, line.Text, line.IsPartial));
    }

    [Theory]
    [InlineData("2026-11-21T09:30:54Z")]
    [InlineData("2026-11-21T10:30:54.000000+01:00")]
    public void Times_may_have_fewer_digits_and_another_zone(string time) => Assert.Equal(
        new DateTimeOffset(2026, 11, 21, 9, 30, 54, TimeSpan.Zero), Add(new LogLineParser(), $"{time} stdout F x")!.Time);

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("yesterday stdout F x")]
    public void What_is_no_log_line_is_left_out(string line) => Assert.Null(Add(new LogLineParser(), line));

    [Fact]
    public void Parts_become_one_line_though_the_other_stream_comes_between()
    {
        var parser = new LogLineParser();

        Assert.Null(Add(parser, $"{Time} stdout P one "));
        Assert.Equal("between", Add(parser, "2026-11-21T09:30:55Z stderr F between")!.Text);
        LogLine whole = Add(parser, "2026-11-21T09:30:56Z stdout F line")!;

        Assert.Equal("one line", whole.Text);
        Assert.Equal(54, whole.Time.Second);
    }

    [Fact]
    public void A_character_that_is_cut_in_two_parts_is_whole_again()
    {
        var parser = new LogLineParser();
        byte[] text = Encoding.UTF8.GetBytes("ü");

        parser.Add([.. Encoding.UTF8.GetBytes($"{Time} stdout P "), text[0]]);
        LogLine line = parser.Add([.. Encoding.UTF8.GetBytes($"{Time} stdout F "), text[1]])!;

        Assert.Equal("ü", line.Text);
    }

    [Fact]
    public void A_line_too_long_to_be_held_comes_in_parts_that_cut_no_character()
    {
        var parser = new LogLineParser();
        string text = new string('ü', 8000) + "x";
        var parts = new List<LogLine>();

        for (int i = 0; i < 100; i++)
        {
            if (Add(parser, $"{Time} stdout P {text}") is { } part)
                parts.Add(part);
        }
        parts.Add(Add(parser, $"{Time} stdout F end")!);

        Assert.Equal([true, false], parts.Select(part => part.IsPartial));
        Assert.Equal(string.Concat(Enumerable.Repeat(text, 100)) + "end", string.Concat(parts.Select(part => part.Text)));
    }

    [Fact]
    public void What_has_no_end_is_there_at_the_end()
    {
        var parser = new LogLineParser();
        Add(parser, $"{Time} stdout P unfinished");

        LogLine rest = Assert.Single(parser.TakeRest());

        Assert.Equal(("unfinished", true), (rest.Text, rest.IsPartial));
    }

    private static LogLine? Add(LogLineParser parser, string line) => parser.Add(Encoding.UTF8.GetBytes(line));
}
