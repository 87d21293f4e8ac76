using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using KvStore.Testing;

namespace KvStore.Client.Tests.Servers;

/// <summary>One member as a process that can be killed and started again on the same ports and directory.</summary>
internal sealed class ServerUnderTest : IAsyncDisposable
{
    private const int MaxStarts = 5;
    private const int KeptLogLines = 200;

    // Far above what a start takes; met only where something is broken.
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private static readonly ConcurrentDictionary<int, Process> Living = new();

    private readonly string _directory = Directory.CreateTempSubdirectory("kvstore-client-tests-").FullName;
    private readonly Queue<string> _log = new();
    private readonly int _clientPort;
    private readonly int _peerPort;
    private Process? _process;

    static ServerUnderTest()
    {
        // A test run that is cut short leaves nothing behind.
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            foreach (var process in Living.Values)
                process.Kill();
        };
    }

    private ServerUnderTest(ServerKind kind)
    {
        Kind = kind;
        (_clientPort, _peerPort) = (FreePort.Find(), FreePort.Find());
    }

    public ServerKind Kind { get; }

    public string Url => $"http://127.0.0.1:{_clientPort}";

    public IPEndPoint EndPoint => new(IPAddress.Loopback, _clientPort);

    public static async Task<ServerUnderTest> StartAsync(ServerKind kind)
    {
        for (int start = 1; ; start++)
        {
            var server = new ServerUnderTest(kind);
            try
            {
                await server.StartAsync();
                return server;
            }
            // Somebody else may have taken a port between our look and the server's bind.
            catch (InvalidOperationException) when (start < MaxStarts && server.Log().Contains(
                "address already in use", StringComparison.OrdinalIgnoreCase))
            {
                await server.DisposeAsync();
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Starts it again after <see cref="KillAsync"/>; returns when it serves.</summary>
    public async Task StartAsync()
    {
        var isReady = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = new Process { StartInfo = StartInfo(), EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) => Note(line.Data, isReady);
        process.ErrorDataReceived += (_, line) => Note(line.Data, isReady);
        process.Exited += (_, _) => isReady.TrySetResult(false);
        process.Start();
        Living[process.Id] = process;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
        if (await isReady.Task.WaitAsync(StartLimit))
            return;
        await process.WaitForExitAsync(); // Then the log is complete.
        throw new InvalidOperationException($"{Kind} did not start:{Environment.NewLine}{Log()}");
    }

    /// <summary>Ends it as kill -9 does.</summary>
    public async Task KillAsync()
    {
        if (_process is null)
            return;
        Living.TryRemove(_process.Id, out _);
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private string Log()
    {
        lock (_log)
            return string.Join(Environment.NewLine, _log);
    }

    private ProcessStartInfo StartInfo()
    {
        string peer = $"http://127.0.0.1:{_peerPort}";
        var start = new ProcessStartInfo(Kind == ServerKind.Etcd ? Binaries.Etcd : Binaries.KvStore)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "--name", "member",
                "--data-dir", Path.Combine(_directory, "member.kvstore"),
                "--listen-client-urls", Url,
                "--advertise-client-urls", Url,
                "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer,
                "--initial-cluster", $"member={peer}",
            },
        };
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("ETCD", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(name);
        // Most of a short life goes into compiling: less of it starts sooner.
        start.Environment["DOTNET_TieredPGO"] = "0";
        return start;
    }

    private void Note(string? line, TaskCompletionSource<bool> isReady)
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
            isReady.TrySetResult(true);
    }
}
