using System.Collections.Concurrent;
using System.Diagnostics;
using KvStore.Testing;

namespace Orchestrator.Runtime.Tests.ApiServer.Support;

/// <summary>A kvstore member as a process of its own.</summary>
internal sealed class StoreProcess : IAsyncDisposable
{
    private const int MaxStarts = 5;

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);
    private static readonly ConcurrentDictionary<int, Process> Living = new();

    private readonly string _directory = Directory.CreateTempSubdirectory("orchestrator-api-tests-").FullName;
    private readonly ConcurrentQueue<string> _log = new();
    private Process? _process;
    private string _peerUrl = "";

    static StoreProcess()
    {
        // A test run that is cut short leaves nothing behind.
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            foreach (var process in Living.Values)
                process.Kill();
        };
    }

    public string Url { get; private set; } = "";

    public static async Task<StoreProcess> StartAsync()
    {
        for (int start = 1; ; start++)
        {
            var store = new StoreProcess();
            try
            {
                await store.RunAsync();
                return store;
            }
            // Somebody else may have taken a port between our look and the server's bind.
            catch (InvalidOperationException) when (start < MaxStarts
                && store.Log.Contains("address already in use", StringComparison.OrdinalIgnoreCase))
            {
                await store.DisposeAsync();
            }
            catch
            {
                await store.DisposeAsync();
                throw;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Kills it; <see cref="StartAgainAsync"/> brings it back with its data.</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process)
            return;
        _process = null;
        Living.TryRemove(process.Id, out _);
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    public Task StartAgainAsync() => RunAsync();

    /// <summary>It keeps its connections and does nothing.</summary>
    public void Freeze() => Signal("STOP");

    public void Thaw() => Signal("CONT");

    private string Log => string.Join(Environment.NewLine, _log);

    private static string Binary
    {
        get
        {
            // .../bin/Release/net10.0/ of this test is the same place in the server's project.
            var framework = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
            var root = framework.Parent!.Parent!.Parent!.Parent!.Parent!;
            string file = Path.Combine(
                root.FullName, "src", "KvStore.Server", "bin", framework.Parent.Name, framework.Name, "kvstore");
            return File.Exists(file) ? file : throw new FileNotFoundException($"{file} is missing: build KvStore.sln first");
        }
    }

    private async Task RunAsync()
    {
        if (Url.Length == 0)
            (Url, _peerUrl) = ($"http://127.0.0.1:{FreePort.Find()}", $"http://127.0.0.1:{FreePort.Find()}");
        var isReady = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var start = new ProcessStartInfo(Binary)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "--name", "member",
                "--data-dir", Path.Combine(_directory, "member.kvstore"),
                "--listen-client-urls", Url,
                "--advertise-client-urls", Url,
                "--listen-peer-urls", _peerUrl,
                "--initial-advertise-peer-urls", _peerUrl,
                "--initial-cluster", $"member={_peerUrl}",
            },
        };
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) => Note(line.Data, isReady);
        process.ErrorDataReceived += (_, line) => Note(line.Data, isReady);
        process.Exited += (_, _) => isReady.TrySetResult(false);
        process.Start();
        Living[process.Id] = process;
        _process = process;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (await isReady.Task.WaitAsync(StartLimit))
            return;
        await process.WaitForExitAsync();
        throw new InvalidOperationException($"the store did not start:{Environment.NewLine}{Log}");
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, $"{_process!.Id}"]);
        kill.WaitForExit();
        if (kill.ExitCode != 0)
            throw new InvalidOperationException($"kill -{name} ended with {kill.ExitCode}");
    }

    private void Note(string? line, TaskCompletionSource<bool> isReady)
    {
        if (line is null)
            return;
        _log.Enqueue(line);
        if (line.Contains("ready to serve client requests", StringComparison.Ordinal))
            isReady.TrySetResult(true);
    }
}
