using System.Text;
using KvStore.Server.Logging;

namespace KvStore.Server.Tests.Logging;

public class LogTests
{
    [Fact]
    public void The_caller_and_as_many_fields_as_are_given_are_written()
    {
        var sink = new MemoryStream();
        var logger = new Logger(LogLevel.Info, LogFormat.Console, [sink], FixedClock.AtNoon());

        Log.WriteTo(logger, LogLevel.Info, "opened", [("path", "p"), ("size", null), default, default], "d/LogTests.cs", 3);

        Assert.Equal("2026-01-02T12:00:00.123456Z\tinfo\td/LogTests.cs:3\topened\t{\"path\":\"p\",\"size\":null}\n",
            Encoding.UTF8.GetString(sink.ToArray()));
    }
}
