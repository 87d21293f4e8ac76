using System.Text;
using System.Text.Json;
using KvStore.Server.Logging;
using Microsoft.Extensions.Logging;
using LogLevel = KvStore.Server.Logging.LogLevel;

namespace KvStore.Server.Tests.Logging;

public class LoggerTests
{
    private readonly MemoryStream _sink = new();

    private Logger Make(LogLevel level = LogLevel.Info, LogFormat format = LogFormat.Json) =>
        new(level, format, [_sink], FixedClock.AtNoon());

    private string Written() => Encoding.UTF8.GetString(_sink.ToArray());

    [Fact]
    public void A_line_is_what_zap_writes()
    {
        Make().Write(
            LogLevel.Warn, "slow \"disk\"",
            [("took", TimeSpan.FromMilliseconds(1.5)), ("count", 3), ("ok", true), ("id", ulong.MaxValue), ("urls", new[] { "a", "b" }),
                ("none", null), ("error", new IOException("no space"))],
            "/src/KvStore.Server/Members/RaftLoop.cs", 88);

        Assert.Equal(
            """
            {"level":"warn","ts":"2026-01-02T12:00:00.123456Z","caller":"Members/RaftLoop.cs:88","msg":"slow \"disk\"","took":"1.5ms","count":3,"ok":true,"id":18446744073709551615,"urls":["a","b"],"none":null,"error":"no space"}

            """.ReplaceLineEndings("\n"),
            Written());
    }

    [Fact]
    public void The_console_form_is_for_people()
    {
        Make(format: LogFormat.Console).Write(LogLevel.Info, "two\nlines", [("a", 1)], "x/A.cs", 2);

        Assert.Equal("2026-01-02T12:00:00.123456Z\tinfo\tx/A.cs:2\ttwo lines\t{\"a\":1}\n", Written());
    }

    [Fact]
    public void A_line_below_the_level_is_not_written()
    {
        Logger logger = Make(LogLevel.Warn);

        logger.Write(LogLevel.Info, "m", [], "", 0);

        Assert.Equal("", Written());
        Assert.False(logger.IsEnabled(LogLevel.Info));
        Assert.False(Logger.Silent.IsEnabled(LogLevel.Fatal));
    }

    [Fact]
    public void A_line_stays_one_line_whatever_is_in_it()
    {
        Make().Write(LogLevel.Info, "a\nb\u0000\ud800", [("k\n", "v\r\n")], "f.cs", 1);

        Assert.Equal(1, Written().Count(c => c == '\n'));
        Assert.Equal("v\r\n", JsonDocument.Parse(Written()).RootElement.GetProperty("k\n").GetString());
    }

    [Fact]
    public void A_line_goes_to_every_sink_though_one_fails()
    {
        var broken = new MemoryStream();
        broken.Dispose();
        long lost = LostLines.Total;
        var logger = new Logger(LogLevel.Info, LogFormat.Json, [broken, _sink], FixedClock.AtNoon());

        logger.Write(LogLevel.Info, "m", [], "", 0);

        Assert.Contains("\"msg\":\"m\"", Written());
        Assert.True(LostLines.Total > lost);
    }

    [Fact]
    public void Lines_of_many_threads_do_not_mix()
    {
        Logger logger = Make();

        Parallel.For(0, 2000, i => logger.Write(LogLevel.Info, new string('x', i % 300), [("i", i)], "f.cs", i));

        string[] lines = Written().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2000, lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("i").GetInt32()).Distinct().Count());
    }

    [Fact]
    public void Kestrels_warnings_come_through_and_its_chatter_does_not()
    {
        using var provider = new KestrelLogProvider(Make(LogLevel.Debug));
        ILogger kestrel = provider.CreateLogger("Microsoft.AspNetCore.Server.Kestrel");

        kestrel.Log(Microsoft.Extensions.Logging.LogLevel.Information, default, "chatter", null, (state, _) => state);
        kestrel.Log(
            Microsoft.Extensions.Logging.LogLevel.Error, default, "it broke", new InvalidOperationException("why"), (state, _) => state);

        Assert.Equal(
            """
            {"level":"error","ts":"2026-01-02T12:00:00.123456Z","logger":"Microsoft.AspNetCore.Server.Kestrel","msg":"it broke","error":"InvalidOperationException: why"}

            """.ReplaceLineEndings("\n"),
            Written());
    }
}
