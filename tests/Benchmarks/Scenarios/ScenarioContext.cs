using KvStore.Benchmarks.Reports;
using KvStore.Benchmarks.Servers;
using KvStore.Server.Bench.Load;

namespace KvStore.Benchmarks.Scenarios;

/// <summary>What a scenario works with: its settings, the report it fills, servers and measured loads.</summary>
internal sealed class ScenarioContext(
    ScenarioSettings settings, Report report, Action<string, double> progress, CancellationToken cancellation)
{
    private int _startedServers;

    public ScenarioSettings Settings { get; } = settings;

    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Starts one server of each kind, all on fresh directories.</summary>
    public ServerFleet StartAll(params string[] flags) =>
        new(Settings.Servers.Select(kind => new Func<ServerProcess>(() => Start(kind, NewFolder(kind), flags))));

    /// <summary>Starts one cluster of each kind.</summary>
    public ServerFleet StartClusters(int memberCount) => new(Settings.Servers.Select(kind => new Func<ServerProcess>(() =>
    {
        progress($"starting {memberCount} members of {kind.Name}", 0);
        var folder = System.IO.Directory.CreateDirectory(NewFolder(kind));
        return ServerProcess.Start(kind, folder.FullName, [], Cancellation, memberCount);
    })));

    public ServerProcess Start(ServerKind kind, string directory, params string[] flags)
    {
        progress($"starting {kind.Name}", 0);
        return ServerProcess.Start(kind, directory, flags, Cancellation);
    }

    /// <summary>A path in the folder of the servers that nothing bears yet.</summary>
    public string NewFolder(ServerKind kind) =>
        Path.Combine(Settings.Folder, $"{kind.Name}-{Environment.ProcessId}-{Interlocked.Increment(ref _startedServers)}");

    /// <summary>Puts a load on a server and takes the server's figures from the end of the warm-up to the last answer.</summary>
    /// <exception cref="BenchmarkException">Some answers were errors: what was measured would mean nothing.</exception>
    public MeasuredLoad Measure(ServerProcess server, string what, LoadPlan plan)
    {
        progress($"{what} on {server.Kind.Name}", 0);
        var before = default(ProcessFigures);
        var run = new LoadRun(
            plan,
            done => progress($"{what} on {server.Kind.Name}, {done.Phase}: {done.PerSecond:N0}/s", done.Share),
            () => before = server.Figures);
        var result = run.Execute(Cancellation);
        var after = server.Figures;
        if (result.HasErrors)
        {
            var (text, count) = result.Groups.SelectMany(group => group.Errors).First();
            throw new BenchmarkException($"{what} on {server.Kind.Name}: {count} x {text}");
        }
        return new MeasuredLoad(result, after.ProcessorTime - before.ProcessorTime, after.ResidentBytes);
    }

    public void Report(string row, ServerProcess server, int round, params (Metric Metric, double Value)[] values) =>
        report.Add(new Measurement(row, server.Kind.Name, round, values.ToDictionary(pair => pair.Metric, pair => pair.Value)));

    /// <summary>
    /// Measures a row on every server in turn, round after round: A B A B, so that the machine's moods meet both alike.
    /// </summary>
    /// <remarks>What fails is reported in place of the figures, and the rows after it are measured all the same.</remarks>
    public void Interleave(string row, ServerFleet servers, Action<ServerProcess, int> measure)
    {
        if (!Settings.Wants(row))
            return;
        foreach (var server in servers)
            server.HasFailed = false;
        for (int round = 1; round <= Settings.Rounds; round++)
        {
            foreach (var server in servers.Where(server => !server.HasFailed))
                MeasureOnce(row, server, round, measure);
        }
    }

    /// <summary>The settings of a load on this server.</summary>
    public static LoadSettings LoadOn(ServerProcess server) => new() { Endpoints = server.Endpoints };

    private void MeasureOnce(string row, ServerProcess server, int round, Action<ServerProcess, int> measure)
    {
        try
        {
            measure(server, round);
        }
        catch (Exception failure) when (failure is BenchmarkException or LoadException)
        {
            server.HasFailed = true;
            report.AddFailure($"{row}: {failure.Message}");
        }
    }
}
