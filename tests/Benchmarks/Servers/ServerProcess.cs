using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using KvStore.Server.Bench.Load;

namespace KvStore.Benchmarks.Servers;

/// <summary>A running server with a data directory and ports of its own; both end with this object.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan _startLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan _startPoll = TimeSpan.FromMilliseconds(5);

    private readonly int _clientPort = FreePort(), _peerPort = FreePort();
    private readonly IReadOnlyList<string> _flags;
    private Process _process;
    private LogTail _log;

    private ServerProcess(ServerKind kind, string directory, IReadOnlyList<string> flags)
    {
        Kind = kind;
        Directory = directory;
        _flags = flags;
        (_process, _log) = Launch();
    }

    public ServerKind Kind { get; }

    public string Directory { get; }

    public int ProcessId => _process.Id;

    /// <summary>A measurement on it failed: its further rounds would too.</summary>
    public bool HasFailed { get; set; }

    public IPEndPoint Endpoint => new(IPAddress.Loopback, _clientPort);

    public ProcessFigures Figures => ProcessFigures.Of(ProcessId);

    /// <param name="directory">Must not exist yet; is deleted at the end.</param>
    public static ServerProcess Start(
        ServerKind kind, string directory, IReadOnlyList<string> flags, CancellationToken cancellation)
    {
        var server = new ServerProcess(kind, directory, flags);
        try
        {
            server.AwaitFirstRead(cancellation);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Kills the process as a power cut to it alone would, and starts it again on what it left.</summary>
    /// <returns>From the start of the process to the first answer to a linearizable read.</returns>
    public TimeSpan KillAndRestart(CancellationToken cancellation)
    {
        End();
        long start = Stopwatch.GetTimestamp();
        (_process, _log) = Launch();
        AwaitFirstRead(cancellation);
        return Stopwatch.GetElapsedTime(start);
    }

    public void Dispose()
    {
        End();
        if (System.IO.Directory.Exists(Directory))
            System.IO.Directory.Delete(Directory, recursive: true);
    }

    private void End()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private (Process Process, LogTail Log) Launch()
    {
        string clientUrl = $"http://127.0.0.1:{_clientPort}", peerUrl = $"http://127.0.0.1:{_peerPort}";
        string[] arguments =
        [
            "--name", "bench",
            "--data-dir", Directory,
            "--listen-client-urls", clientUrl,
            "--advertise-client-urls", clientUrl,
            "--listen-peer-urls", peerUrl,
            "--initial-advertise-peer-urls", peerUrl,
            "--initial-cluster", $"bench={peerUrl}",
            "--quota-backend-bytes", (8L << 30).ToString(),
            "--log-level", "error",
            .. Kind.ExtraFlags,
            .. _flags,
        ];
        var process = Process.Start(new ProcessStartInfo(Kind.Executable, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        return (process, new LogTail(process));
    }

    /// <summary>Asks until the answer comes: what a server says about being ready is not what is measured.</summary>
    private void AwaitFirstRead(CancellationToken cancellation)
    {
        var settings = new LoadSettings { Endpoints = [Endpoint], RequestLimit = 1, ValueBytes = 0, SilenceLimit = _startLimit };
        long start = Stopwatch.GetTimestamp();
        while (!IsAnswered(settings, cancellation))
        {
            if (_process.HasExited)
                throw new BenchmarkException($"{Kind.Name} ended with exit code {_process.ExitCode} instead of serving:\n{_log}");
            if (Stopwatch.GetElapsedTime(start) > _startLimit)
                throw new BenchmarkException($"{Kind.Name} did not answer within {_startLimit.TotalSeconds:0} s:\n{_log}");
            cancellation.WaitHandle.WaitOne(_startPoll);
        }
    }

    private static bool IsAnswered(LoadSettings settings, CancellationToken cancellation)
    {
        try
        {
            return !new LoadRun(LoadPlan.Range(settings, isSerializable: false)).Execute(cancellation).HasErrors;
        }
        catch (LoadException)
        {
            return false; // Not listening yet, or not serving yet.
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
