using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using KvStore.Server.Bench.Load;

namespace KvStore.Benchmarks.Servers;

/// <summary>A running server, or a cluster of them, with a data directory and ports of its own; all end with this object.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan _startLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan _startPoll = TimeSpan.FromMilliseconds(5);

    private readonly (int Client, int Peer)[] _ports;
    private readonly IReadOnlyList<string> _flags;
    private readonly (Process Process, LogTail Log)[] _members;
    private readonly bool[] _isKilled;

    private ServerProcess(ServerKind kind, string directory, IReadOnlyList<string> flags, int memberCount)
    {
        Kind = kind;
        Directory = directory;
        _flags = flags;
        _ports = [.. Enumerable.Range(0, memberCount).Select(_ => (FreePort(), FreePort()))];
        _members = new (Process, LogTail)[memberCount];
        _isKilled = new bool[memberCount];
        for (int member = 0; member < memberCount; member++)
            _members[member] = Launch(member);
    }

    public ServerKind Kind { get; }

    public string Directory { get; }

    /// <summary>Of the first member.</summary>
    public int ProcessId => _members[0].Process.Id;

    public int MemberCount => _members.Length;

    /// <summary>A measurement on it failed: its further rounds would too.</summary>
    public bool HasFailed { get; set; }

    /// <summary>One for each member.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints => [.. Enumerable.Range(0, MemberCount).Select(EndpointOf)];

    /// <summary>Of all members that run together.</summary>
    public ProcessFigures Figures
    {
        get
        {
            var all = _members.Where((_, member) => !Volatile.Read(ref _isKilled[member]))
                .Select(member => ProcessFigures.Of(member.Process.Id)).ToList();
            return new ProcessFigures(
                TimeSpan.FromTicks(all.Sum(figures => figures.ProcessorTime.Ticks)), all.Sum(figures => figures.ResidentBytes));
        }
    }

    /// <param name="directory">Must not exist yet; is deleted at the end.</param>
    public static ServerProcess Start(
        ServerKind kind, string directory, IReadOnlyList<string> flags, CancellationToken cancellation, int memberCount = 1)
    {
        var server = new ServerProcess(kind, directory, flags, memberCount);
        try
        {
            for (int member = 0; member < memberCount; member++)
                server.AwaitFirstRead(member, cancellation);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Kills the first member as a power cut to it alone would, and starts it again on what it left.</summary>
    /// <returns>From the start of the process to the first answer to a linearizable read.</returns>
    public TimeSpan KillAndRestart(CancellationToken cancellation)
    {
        Kill(0);
        return StartAgain(0, cancellation);
    }

    /// <summary>Kills one member and leaves it so.</summary>
    public void Kill(int member)
    {
        Volatile.Write(ref _isKilled[member], true);
        _members[member].Process.Kill(entireProcessTree: true);
        _members[member].Process.WaitForExit();
    }

    /// <summary>Starts a killed member again, and waits until it serves linearizable reads.</summary>
    /// <returns>How long that took.</returns>
    public TimeSpan StartAgain(int member, CancellationToken cancellation)
    {
        End(member);
        long start = Stopwatch.GetTimestamp();
        _members[member] = Launch(member);
        Volatile.Write(ref _isKilled[member], false);
        AwaitFirstRead(member, cancellation);
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>A member that does not lead, by what its metrics say.</summary>
    public int AFollower(CancellationToken cancellation)
    {
        using var http = new HttpClient();
        for (int member = 0; member < MemberCount; member++)
        {
            string metrics = http.GetStringAsync($"http://{EndpointOf(member)}/metrics", cancellation).GetAwaiter().GetResult();
            if (metrics.Contains("\netcd_server_is_leader 0\n", StringComparison.Ordinal))
                return member;
        }
        throw new BenchmarkException($"{Kind.Name}: no member says that it follows");
    }

    public void Dispose()
    {
        for (int member = 0; member < MemberCount; member++)
            End(member);
        if (System.IO.Directory.Exists(Directory))
            System.IO.Directory.Delete(Directory, recursive: true);
    }

    private void End(int member)
    {
        if (_members[member].Process is not { } process)
            return; // It never came to be.
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
    }

    private IPEndPoint EndpointOf(int member) => new(IPAddress.Loopback, _ports[member].Client);

    private static string NameOf(int member) => $"bench{member + 1}";

    private (Process Process, LogTail Log) Launch(int member)
    {
        string clientUrl = $"http://127.0.0.1:{_ports[member].Client}", peerUrl = $"http://127.0.0.1:{_ports[member].Peer}";
        string[] arguments =
        [
            "--name", NameOf(member),
            "--data-dir", MemberCount == 1 ? Directory : Path.Combine(Directory, NameOf(member)),
            "--listen-client-urls", clientUrl,
            "--advertise-client-urls", clientUrl,
            "--listen-peer-urls", peerUrl,
            "--initial-advertise-peer-urls", peerUrl,
            "--initial-cluster", string.Join(',', _ports.Select((ports, i) => $"{NameOf(i)}=http://127.0.0.1:{ports.Peer}")),
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
    private void AwaitFirstRead(int member, CancellationToken cancellation)
    {
        var (process, log) = _members[member];
        var settings = new LoadSettings { Endpoints = [EndpointOf(member)], RequestLimit = 1, ValueBytes = 0, SilenceLimit = _startLimit };
        long start = Stopwatch.GetTimestamp();
        while (!IsAnswered(settings, cancellation))
        {
            if (process.HasExited)
                throw new BenchmarkException($"{Kind.Name} ended with exit code {process.ExitCode} instead of serving:\n{log}");
            if (Stopwatch.GetElapsedTime(start) > _startLimit)
                throw new BenchmarkException($"{Kind.Name} did not answer within {_startLimit.TotalSeconds:0} s:\n{log}");
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
