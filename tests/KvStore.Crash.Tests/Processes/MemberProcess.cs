using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using KvStore.Testing;
using KvStore.Testing.Linux;

namespace KvStore.Crash.Tests.Processes;

/// <summary>One kvstore as a process of its own, with its log.</summary>
internal sealed class MemberProcess : IAsyncDisposable
{
    /// <summary>The system picks free ports; the log tells which.</summary>
    public static readonly IReadOnlyList<string> FreePorts =
    [
        "--listen-client-urls=http://127.0.0.1:0", "--advertise-client-urls=http://127.0.0.1:0", "--listen-peer-urls=http://127.0.0.1:0",
    ];

    private static readonly ConcurrentDictionary<MemberProcess, Process> Living = new();

    private readonly Process _process;
    private readonly Task _exiting;
    private readonly Task _reading;
    private bool _isEndExpected;

    static MemberProcess()
    {
        // A test run that is cut short leaves nothing behind.
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            foreach (var process in Living.Values)
                process.Kill();
        };
    }

    private MemberProcess(Process process)
    {
        _process = process;
        Living[this] = process;
        _exiting = process.WaitForExitAsync();
        _reading = Task.WhenAll(Log.ReadAsync(process.StandardError), Output.ReadAsync(process.StandardOutput));
    }

    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "kvstore");

    public LogReader Log { get; } = new();

    public LogReader Output { get; } = new();

    /// <summary>Where clients reach it; known once it is ready.</summary>
    public string Url { get; private set; } = "";

    /// <summary>Asked also of one that is disposed of.</summary>
    public bool HasExited => _exiting.IsCompleted;

    public int Id => _process.Id;

    /// <summary>Starts the program with just these arguments.</summary>
    public static MemberProcess Run(params IEnumerable<string> arguments) => Run(Program, arguments);

    /// <summary>Starts a program that in the end runs kvstore, such as setpriv.</summary>
    public static MemberProcess Run(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        // Most of a short life goes into compiling: less of it starts sooner.
        start.Environment["DOTNET_TieredPGO"] = "0";
        return new MemberProcess(Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start"));
    }

    /// <summary>Starts a member on this directory and waits until it serves.</summary>
    public static async Task<MemberProcess> StartAsync(string dataDirectory, params IEnumerable<string> arguments)
    {
        var process = Run([$"--data-dir={dataDirectory}", .. FreePorts, .. arguments]);
        try
        {
            await process.ReadyAsync();
            return process;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    public async Task ReadyAsync()
    {
        await LineAsync("ready to serve client requests");
        string serving = await LineAsync("serving client traffic");
        Url = "http://" + Field(serving, "address");
    }

    /// <summary>Waits for a line of the log; where it does not come, the failure shows the log.</summary>
    public async Task<string> LineAsync(string text)
    {
        try
        {
            return await Log.LineAsync(line => line.Contains(text)).WaitAsync(Limits.Patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"the process did not say \"{text}\" in {Limits.Patience.TotalSeconds} s; its log:\n{Log}");
        }
    }

    /// <summary>Ends it as kill -9 does, wherever it is.</summary>
    public void Kill()
    {
        _isEndExpected = true;
        _process.Kill();
    }

    /// <summary>Asks it to end, as kill -TERM does.</summary>
    public void Terminate()
    {
        _isEndExpected = true;
        NativeCalls.SendTerminate(_process.Id);
    }

    /// <summary>Holds it where it is, as kill -STOP does.</summary>
    public void Pause() => NativeCalls.SendStop(_process.Id);

    /// <summary>Lets it go on.</summary>
    public void Resume() => NativeCalls.SendContinue(_process.Id);

    /// <summary>What its threads do: name, state, processor time so far in ticks of 10 ms, and where each waits in the kernel.</summary>
    public string DescribeThreads()
    {
        if (HasExited)
            return "it has ended";
        var threads = Directory.GetDirectories($"/proc/{_process.Id}/task").Select(task =>
        {
            string stat = File.ReadAllText($"{task}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return $"{File.ReadAllText($"{task}/comm").Trim()}: {fields[0]} {fields[11]}+{fields[12]} {File.ReadAllText($"{task}/wchan")}";
        });
        return string.Join("; ", threads);
    }

    /// <summary>Waits for its end, however it comes, and for the last of its log.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> ExitCodeAsync(TimeSpan? limit = null)
    {
        _isEndExpected = true;
        await _exiting.WaitAsync(limit ?? Limits.Patience);
        await _reading.WaitAsync(Limits.Patience);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        bool isEndExpected = _isEndExpected;
        bool wasRunning = !_process.HasExited;
        if (wasRunning)
            _process.Kill();
        int code = await ExitCodeAsync();
        // The test that asked it something has failed by now, and knows no more than that there was no answer.
        if (!isEndExpected && (!wasRunning || Log.Lines.Any(line => line.Contains("\"level\":\"fatal\""))))
            Figures.Report($"a member ended by itself with exit code {code}; its log:\n{Log}");
        Living.TryRemove(this, out _);
        _process.Dispose();
    }

    /// <summary>One field of a line of the log.</summary>
    public static string Field(string line, string name)
    {
        using var json = JsonDocument.Parse(line);
        return json.RootElement.GetProperty(name).ToString();
    }
}
