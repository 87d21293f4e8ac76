using System.Diagnostics;

namespace KvStore.Compatibility.Tests.Servers;

/// <summary>One member, etcd's or ours, running as a process on free ports with a data directory of its own.</summary>
internal sealed class ServerUnderTest : IAsyncDisposable
{
    private const int MaxStarts = 5;

    private const int KeptLogLines = 200;

    /// <summary>Far above what a start takes; met only where something is broken.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    /// <summary>A busy machine shall not bring about an election: the members' terms are compared.</summary>
    private const string Steady = "--election-timeout=5000";

    private readonly Process _process;

    private readonly Queue<string> _log = new();

    private readonly TaskCompletionSource<bool> _isReady = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerUnderTest(ServerKind kind, MemberPlace place, string initialCluster, bool isJoining, params string[] flags)
    {
        Kind = kind;
        Place = place;
        var start = new ProcessStartInfo(kind == ServerKind.Etcd ? Binaries.Etcd : Binaries.KvStore)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "--name", place.Name,
                "--data-dir", place.DataDirectory,
                "--listen-client-urls", $"http://{Endpoint}",
                "--advertise-client-urls", $"http://{Endpoint}",
                "--listen-peer-urls", place.PeerUrl,
                "--initial-advertise-peer-urls", place.PeerUrl,
                "--initial-cluster", initialCluster,
                "--initial-cluster-state", isJoining ? "existing" : "new",
            },
        };
        foreach (string flag in flags)
            start.ArgumentList.Add(flag);
        ProgramEnvironment.Clean(start);
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.Exited += (_, _) => _isReady.TrySetResult(false);
    }

    public ServerKind Kind { get; }

    /// <summary>Where it runs.</summary>
    public MemberPlace Place { get; }

    /// <summary>host:port for clients.</summary>
    public string Endpoint => Place.Endpoint;

    /// <summary>Starts a cluster of one.</summary>
    public static async Task<ServerUnderTest> StartAsync(ServerKind kind)
    {
        for (int start = 1; ; start++)
        {
            var place = MemberPlace.Find("member");
            var server = new ServerUnderTest(kind, place, place.InitialUrl, isJoining: false);
            if (await server.TryStartAsync())
                return server;
            await server.DisposeAsync();
            // Somebody else may have taken a port between our look and the server's bind.
            if (start == MaxStarts || !server.HasLostItsPort)
                throw server.StartFailure();
        }
    }

    /// <summary>Starts one member of a cluster; it is ready when the others are there.</summary>
    /// <exception cref="InvalidOperationException">It ended instead.</exception>
    public static async Task<ServerUnderTest> StartAsync(ServerKind kind, MemberPlace place, string initialCluster, bool isJoining)
    {
        var server = new ServerUnderTest(kind, place, initialCluster, isJoining, Steady);
        if (await server.TryStartAsync())
            return server;
        await server.DisposeAsync();
        throw server.StartFailure();
    }

    /// <summary>The last lines that the server wrote.</summary>
    public string Log()
    {
        lock (_log)
            return string.Join(Environment.NewLine, _log);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Place.Clear();
    }

    /// <summary>Ends it as kill -9 does; its data stays.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    private bool HasLostItsPort => Log().Contains("address already in use", StringComparison.OrdinalIgnoreCase);

    private InvalidOperationException StartFailure() => new($"{Kind} did not start:{Environment.NewLine}{Log()}");

    private async Task<bool> TryStartAsync()
    {
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        bool isReady = await _isReady.Task.WaitAsync(StartLimit);
        if (!isReady)
            await _process.WaitForExitAsync(); // Then the log is complete.
        return isReady;
    }

    private void Note(string? line)
    {
        if (line is null)
            return;
        lock (_log)
        {
            _log.Enqueue(line);
            if (_log.Count > KeptLogLines)
                _log.Dequeue();
        }
        if (line.Contains("ready to serve client requests", StringComparison.Ordinal))
            _isReady.TrySetResult(true);
    }
}
