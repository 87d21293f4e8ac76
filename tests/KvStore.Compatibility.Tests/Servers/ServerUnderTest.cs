using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace KvStore.Compatibility.Tests.Servers;

/// <summary>One member, etcd's or ours, running as a process on free ports with a data directory of its own.</summary>
internal sealed class ServerUnderTest : IAsyncDisposable
{
    private const int MaxStarts = 5;

    private const int KeptLogLines = 200;

    /// <summary>Far above what a start takes; met only where something is broken.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private readonly string _directory;

    private readonly Queue<string> _log = new();

    private readonly TaskCompletionSource<bool> _isReady = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerUnderTest(ServerKind kind, string directory, int clientPort, int peerPort)
    {
        Kind = kind;
        _directory = directory;
        Endpoint = $"127.0.0.1:{clientPort}";
        string peer = $"http://127.0.0.1:{peerPort}";
        var start = new ProcessStartInfo(kind == ServerKind.Etcd ? Binaries.Etcd : Binaries.KvStore)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "--name", "member",
                "--data-dir", Path.Combine(directory, "member.kvstore"),
                "--listen-client-urls", $"http://{Endpoint}",
                "--advertise-client-urls", $"http://{Endpoint}",
                "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer,
                "--initial-cluster", $"member={peer}",
            },
        };
        ProgramEnvironment.Clean(start);
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.Exited += (_, _) => _isReady.TrySetResult(false);
    }

    public ServerKind Kind { get; }

    /// <summary>host:port for clients.</summary>
    public string Endpoint { get; }

    public static async Task<ServerUnderTest> StartAsync(ServerKind kind)
    {
        for (int start = 1; ; start++)
        {
            string directory = Directory.CreateTempSubdirectory("kvstore-compatibility-").FullName;
            var (clientPort, peerPort) = FreePorts();
            var server = new ServerUnderTest(kind, directory, clientPort, peerPort);
            if (await server.TryStartAsync())
                return server;
            string log = server.Log();
            await server.DisposeAsync();
            // Somebody else may have taken a port between our look and the server's bind.
            if (start == MaxStarts || !log.Contains("address already in use", StringComparison.OrdinalIgnoreCase))
                throw new InvalidOperationException($"{kind} did not start:{Environment.NewLine}{log}");
        }
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
        Directory.Delete(_directory, recursive: true);
    }

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

    /// <summary>Two ports that were free a moment ago.</summary>
    private static (int Client, int Peer) FreePorts()
    {
        using var client = new TcpListener(IPAddress.Loopback, 0);
        using var peer = new TcpListener(IPAddress.Loopback, 0);
        client.Start();
        peer.Start();
        return (((IPEndPoint)client.LocalEndpoint).Port, ((IPEndPoint)peer.LocalEndpoint).Port);
    }
}
