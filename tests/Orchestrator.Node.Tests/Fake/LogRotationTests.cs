using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Logs;

namespace Orchestrator.Node.Tests.Fake;

public sealed class LogRotationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _reopened = [];

    private string Log => Path.Combine(_folder.Path, "0.log");

    [Fact]
    public async Task A_small_file_stays()
    {
        await File.WriteAllTextAsync(Log, "small");

        Assert.False(await Rotation(Reopen).RotateIfDueAsync("c", Log, CancellationToken.None));

        Assert.Equal(["0.log"], Names());
        Assert.Empty(_reopened);
    }

    [Fact]
    public async Task The_newest_is_plain_those_before_are_packed_and_the_oldest_go()
    {
        foreach (string name in (string[])["0.log.20261101-000000.gz", "0.log.20261102-000000.gz", "0.log.20261103-000000", "0.log.20261104-000000.tmp"])
            await File.WriteAllTextAsync(Path.Combine(_folder.Path, name), "old");
        await File.WriteAllTextAsync(Log, "as large as it may be");

        Assert.True(await Rotation(Reopen).RotateIfDueAsync("c", Log, CancellationToken.None));

        Assert.Equal(["0.log", "0.log.20261102-000000.gz", "0.log.20261103-000000.gz", "0.log.20261127-010203"], Names());
        Assert.Equal("as large as it may be", await File.ReadAllTextAsync(Log + ".20261127-010203"));
    }

    [Fact]
    public async Task A_file_that_the_runtime_does_not_begin_anew_comes_back()
    {
        await File.WriteAllTextAsync(Log, "as large as it may be");
        LogRotation rotation = Rotation((_, _) => throw new CriException("no"));

        await Assert.ThrowsAsync<CriException>(() => rotation.RotateIfDueAsync("c", Log, CancellationToken.None));

        Assert.Equal(["0.log"], Names());
        Assert.Equal("as large as it may be", await File.ReadAllTextAsync(Log));
    }

    [Fact]
    public async Task A_file_that_somebody_has_deleted_is_begun_anew()
    {
        Assert.False(await Rotation(Reopen).RotateIfDueAsync("c", Log, CancellationToken.None));

        Assert.Equal(["c"], _reopened);
    }

    public void Dispose() => _folder.Dispose();

    private static LogRotation Rotation(Func<string, CancellationToken, Task> reopen) =>
        new(new LogRotationSettings { MaxBytes = 10, MaxFiles = 4 }, new FixedClock(), reopen);

    private Task Reopen(string id, CancellationToken ct)
    {
        _reopened.Add(id);
        File.WriteAllText(Log, "");
        return Task.CompletedTask;
    }

    private string[] Names() => [.. Directory.GetFiles(_folder.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 11, 27, 1, 2, 3, TimeSpan.Zero);
    }
}
