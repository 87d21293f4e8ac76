using KvStore.Server.Configuration;
using KvStore.Server.Logging;

namespace KvStore.Server.Tests.Logging;

public class LogSinksTests
{
    [Fact]
    public void A_path_is_appended_to()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("kv.log");
        File.WriteAllText(path, "old\n");

        using (var logger = new Logger(LogLevel.Info, LogFormat.Console, LogSinks.Open([path]), FixedClock.AtNoon()))
            logger.Write(LogLevel.Info, "new", [], "", 0);

        Assert.Equal("old\n2026-01-02T12:00:00.123456Z\tinfo\tnew\n", File.ReadAllText(path));
    }

    [Fact]
    public void A_path_that_cannot_be_opened_is_refused()
    {
        using var directory = new TemporaryDirectory();

        var problem = Assert.Throws<ConfigurationException>(() => LogSinks.Open([directory.File("a.log"), directory.File("none/b.log")]));

        Assert.StartsWith("--log-outputs: cannot open ", problem.Message);
    }

    [Fact]
    public void The_processs_own_streams_have_names() => Assert.Equal(3, LogSinks.Open(["default", "stderr", "stdout"]).Count);
}
