using System.Diagnostics;
using System.IO.Compression;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Logs;

namespace Orchestrator.Node.Tests.Live;

/// <summary>The log files that containerd writes.</summary>
[Collection(ContainerdCollection.Name)]
public sealed class LogTests(ContainerdFixture fixture)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [LiveFact]
    public async Task Both_streams_are_in_the_log_with_their_times()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "logs");

        // The streams are read apart: what is to come second waits until the first is written down.
        string id = await pod.StartAsync(LivePod.Shell("main", "echo one; until test -e /tmp/on; do sleep 0.1; done; echo two >&2"));
        await UntilAsync(async () => await pod.LogAsync(id) == "one", "the first line is there");
        await pod.ExecAsync(id, "touch", "/tmp/on");
        RuntimeContainer ended = await pod.UntilAsync(id, container => container.State == RuntimeContainerState.Exited);
        List<LogLine> lines = await ReadAsync(containerd, id, follow: false);

        Assert.Equal([(false, "one"), (true, "two")], lines.Select(line => (line.IsStderr, line.Text)));
        Assert.All(lines, line => Assert.InRange(line.Time, ended.CreatedAt, ended.FinishedAt!.Value + Patience));
        Assert.True(lines[0].Time < lines[1].Time);
        Assert.True(File.Exists(Path.Combine(pod.Config.LogDirectory, "main", "0.log")));
    }

    [LiveFact]
    public async Task A_line_that_the_runtime_cuts_comes_in_one_piece()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "long-line");

        string log = await pod.OutputAsync("main", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo -n unfinished");

        Assert.Equal(new string('x', 100000) + "\nunfinished", log);
    }

    [LiveFact]
    public async Task A_log_is_followed_to_the_containers_end()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "follow");
        string id = await pod.StartAsync(LivePod.Shell("main", "for i in 1 2 3 4 5; do echo line $i; sleep 0.3; done"));

        List<LogLine> lines = await ReadAsync(containerd, id, follow: true);

        Assert.Equal(["line 1", "line 2", "line 3", "line 4", "line 5"], lines.Select(line => line.Text));
        Assert.Equal(RuntimeContainerState.Exited, (await pod.FindAsync(id))!.State);
    }

    [LiveFact]
    public async Task A_log_that_has_grown_is_moved_away_and_its_follower_misses_nothing()
    {
        RealContainerd containerd = await fixture.GetAsync();
        await using LivePod pod = await LivePod.RunAsync(containerd, "rotation");
        string id = await pod.StartAsync(LivePod.Shell(
            "main", "i=0; while test $i -lt 400; do i=$((i+1)); echo line $i; sleep 0.01; done; until test -e /tmp/end; do sleep 0.1; done"));
        string path = (await containerd.Runtime.LogPathAsync(id, CancellationToken.None))!;
        var rotation = new LogRotation(
            new LogRotationSettings { MaxBytes = 2000, MaxFiles = 3 }, new StridingClock(), containerd.Runtime.ReopenContainerLogAsync);

        var followed = new List<LogLine>();
        Task following = ReadAsync(containerd, id, follow: true, followed);
        for (int rotated = 0; rotated < 4;)
        {
            if (await rotation.RotateIfDueAsync(id, path, CancellationToken.None))
            {
                rotated++;
                // A follower that lags by a whole file would miss it.
                string last = (await File.ReadAllLinesAsync(Newest(path))).Last();
                while (!Snapshot(followed).Any(line => last.EndsWith(" " + line.Text, StringComparison.Ordinal)))
                    await Task.Delay(20).WaitAsync(Patience);
            }
            await Task.Delay(20);
        }
        await pod.ExecAsync(id, "touch", "/tmp/end");
        await following;

        Assert.Equal(Enumerable.Range(1, 400).Select(i => $"line {i}"), followed.Select(line => line.Text));
        string[] others = [.. Directory.GetFiles(Path.GetDirectoryName(path)!).Where(file => file != path).Order(StringComparer.Ordinal)];
        Assert.Equal(2, others.Length);
        Assert.EndsWith(".gz", others[0]);
        Assert.Contains(" stdout F line ", Unpack(others[0]));
        Assert.Contains(" stdout F line ", await File.ReadAllTextAsync(others[1]));
    }

    private static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}");
            await Task.Delay(20);
        }
    }

    private static string Unpack(string file)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        return reader.ReadToEnd();
    }

    private static string Newest(string path) => Directory.GetFiles(Path.GetDirectoryName(path)!).Max(StringComparer.Ordinal)!;

    private static List<LogLine> Snapshot(List<LogLine> lines)
    {
        lock (lines)
            return [.. lines];
    }

    private static async Task<List<LogLine>> ReadAsync(RealContainerd containerd, string id, bool follow, List<LogLine>? lines = null)
    {
        using var patience = new CancellationTokenSource(Patience);
        lines ??= [];
        await foreach (LogLine line in containerd.Runtime.ReadLogAsync(id, follow, patience.Token))
        {
            lock (lines)
                lines.Add(line);
        }
        return lines;
    }

    /// <summary>A second passes between any two looks at it: files bear their times in seconds.</summary>
    private sealed class StridingClock : TimeProvider
    {
        private DateTimeOffset _now = new(2026, 11, 27, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => _now += TimeSpan.FromSeconds(1);
    }
}
