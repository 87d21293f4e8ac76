using System.Diagnostics;

namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>One run of etcdctl.</summary>
internal sealed class EtcdctlProcess : IDisposable
{
    /// <summary>Ends a run that hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private readonly Lock _gate = new();

    private readonly List<string> _output = [];

    private readonly List<string> _errors = [];

    private readonly SemaphoreSlim _hasNews = new(0);

    private readonly Task _reading;

    private EtcdctlProcess(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput, _output), ReadAsync(process.StandardError, _errors));
    }

    public static EtcdctlProcess Start(string program, string endpoint, IEnumerable<string> words)
    {
        string[] options = ["--endpoints", endpoint, "--command-timeout", "60s", "--dial-timeout", "60s"];
        var start = new ProcessStartInfo(program, [.. options, .. words])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Servers.ProgramEnvironment.Clean(start);
        start.Environment["ETCDCTL_API"] = "3";
        return new EtcdctlProcess(Process.Start(start)!);
    }

    public async Task TypeAsync(string line)
    {
        await _process.StandardInput.WriteAsync(line + "\n");
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Gives it the whole input and waits for its end.</summary>
    public async Task<EtcdctlOutput> CompleteAsync(string input)
    {
        await CloseInputAsync(input);
        await _process.WaitForExitAsync().WaitAsync(Patience);
        await _reading;
        return Output(_process.ExitCode);
    }

    /// <summary>Waits until it has printed so many lines, or has ended by itself.</summary>
    public async Task AwaitLinesAsync(int count, TimeSpan? patience = null)
    {
        using var ending = new CancellationTokenSource(patience ?? Patience);
        try
        {
            while (LineCount() < count && !_reading.IsCompleted)
                await _hasNews.WaitAsync(ending.Token);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            var output = Output(null);
            throw new TimeoutException($"{LineCount()} of {count} lines came:\n{output.Text}\n{output.Errors}");
        }
    }

    /// <summary>Ends it, whatever it does.</summary>
    public async Task<EtcdctlOutput> StopAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        await _reading;
        return Output(null);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        _hasNews.Dispose();
    }

    private async Task CloseInputAsync(string input)
    {
        try
        {
            await _process.StandardInput.WriteAsync(input);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading what it was given: what it printed says why.
        }
    }

    private async Task ReadAsync(StreamReader reader, List<string> lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_gate)
                lines.Add(line);
            _hasNews.Release();
        }
        _hasNews.Release();
    }

    private int LineCount()
    {
        lock (_gate)
            return _output.Count;
    }

    private EtcdctlOutput Output(int? exitCode)
    {
        lock (_gate)
            return new EtcdctlOutput(exitCode, string.Join('\n', _output), string.Join('\n', _errors));
    }
}

/// <param name="ExitCode">Null when it was ended from outside.</param>
internal sealed record EtcdctlOutput(int? ExitCode, string Text, string Errors);
