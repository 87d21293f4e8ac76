using System.Diagnostics;
using System.Globalization;
using KvStore.Chaos.History;
using KvStore.Chaos.Traffic;
using KvStore.Testing.Linux;

namespace KvStore.Chaos.Rig;

/// <summary>One member's place in the rig: namespace, addresses, disk, groups; and the process that it is just now.</summary>
/// <remarks>
/// Kept as a service manager keeps a service: a process that ends by itself is started again after a moment, as long as the
/// member is meant to run. Members of the same place over time bear the same name and have the same addresses.
/// </remarks>
internal sealed class RigMember : IAsyncDisposable
{
    private static readonly TimeSpan RestartPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan TerminationLimit = TimeSpan.FromSeconds(20);

    private readonly RigOptions _options;
    private readonly RigNetwork _network;
    private readonly Recorder _recorder;
    private readonly string _logFile;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly CancellationTokenSource _lifetime = new();
    private Process? _process;
    private Task _keeping = Task.CompletedTask;
    private string _state = "new";
    private string _initialCluster = "";
    private volatile bool _isMeantToRun;

    public RigMember(int number, RigOptions options, RigNetwork network, RigDisk disk, Cgroup cgroup, Recorder recorder, string logFile)
    {
        Number = number;
        Disk = disk;
        Cgroup = cgroup;
        Clock = new WallClock(Path.Combine(options.WorkFolder, Name + ".clock"));
        (_options, _network, _recorder, _logFile) = (options, network, recorder, logFile);
    }

    public int Number { get; }

    public string Name => $"m{Number}";

    public RigDisk Disk { get; }

    public Cgroup Cgroup { get; }

    public WallClock Clock { get; }

    public string DataDirectory => Path.Combine(Disk.Path, "data");

    public string PeerUrl => $"http://{RigNetwork.PeerAddress(Number)}:2380";

    public string ClientUrl => $"http://{RigNetwork.ClientAddress(Number)}:2379";

    public string PeerPort => RigNetwork.PeerPort(Name);

    public string ClientPort => RigNetwork.ClientPort(Name);

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>A fault damages its data, or has done so; the member may refuse to start.</summary>
    public bool IsDamaged { get; set; }

    /// <summary>Its disk or its membership is being played with: its end by itself is no wonder.</summary>
    public bool MayEnd { get; set; }

    /// <summary>Exits that nothing explains.</summary>
    public List<string> UnexpectedEnds { get; } = [];

    /// <summary>Of the process; 0 if there is none.</summary>
    public int ProcessId => IsRunning ? _process!.Id : 0;

    public int? LastExitCode { get; private set; }

    /// <summary>Starts it and keeps it running.</summary>
    /// <param name="state">"new" or "existing".</param>
    /// <param name="initialCluster">As name=URL, comma-separated.</param>
    public Task StartAsync(string state, string initialCluster)
    {
        (_state, _initialCluster) = (state, initialCluster);
        return StartAsync();
    }

    /// <summary>Starts it as it was last started, and keeps it running.</summary>
    public async Task StartAsync(bool isKept = true)
    {
        await _gate.WaitAsync();
        try
        {
            if (IsRunning)
                throw new RigException($"{Name} runs already");
            _isMeantToRun = isKept;
            Launch();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Ends it as kill -9 does, and leaves it so.</summary>
    public async Task KillAsync(string detail = "kill -9")
    {
        _isMeantToRun = false;
        await _gate.WaitAsync();
        try
        {
            if (!IsRunning)
                return;
            Tell(ProcessChanged.Types.Kind.Killed, detail: detail);
            _process!.Kill();
        }
        finally
        {
            _gate.Release();
        }
        await EndedAsync();
    }

    /// <summary>Asks it to end as kill -TERM does, and leaves it so; kills one that does not.</summary>
    /// <returns>Whether it ended by itself.</returns>
    public async Task<bool> TerminateAsync()
    {
        _isMeantToRun = false;
        if (!IsRunning)
            return true;
        NativeCalls.SendTerminate(_process!.Id);
        try
        {
            await EndedAsync().WaitAsync(TerminationLimit);
            return true;
        }
        catch (TimeoutException)
        {
            await KillAsync($"kill -9: it did not end in {TerminationLimit.TotalSeconds} s after kill -TERM");
            return false;
        }
    }

    /// <summary>Waits for the end of the process that is there, and for its record.</summary>
    public Task EndedAsync() => _keeping;

    public void Pause()
    {
        if (!IsRunning)
            return;
        Tell(ProcessChanged.Types.Kind.Stopped);
        NativeCalls.SendStop(_process!.Id);
    }

    public void Resume()
    {
        if (!IsRunning)
            return;
        NativeCalls.SendContinue(_process!.Id);
        Tell(ProcessChanged.Types.Kind.Continued);
    }

    public Task<string> RunInNamespaceAsync(string program, params string[] arguments) => _network.RunInAsync(Name, program, arguments);

    public async ValueTask DisposeAsync()
    {
        await _lifetime.CancelAsync();
        await KillAsync("end of the run");
        _lifetime.Dispose();
    }

    private void Launch()
    {
        var start = new ProcessStartInfo("nsenter", Words()) { UseShellExecute = false };
        foreach (var (name, value) in _options.ServerEnvironment)
            start.Environment[name] = value;
        Tell(ProcessChanged.Types.Kind.Started);
        _process = Process.Start(start) ?? throw new RigException($"{Name} did not start");
        _keeping = KeepAsync(_process);
    }

    // nsenter and the shell give their process to what comes behind them: its number is the one that was started.
    private IEnumerable<string> Words()
    {
        string join = string.Join(' ', Cgroup.ProcessFiles.Select(file => $"echo $$ > {file};"));
        string preload = Clock.IsOffered ? $"export {Clock.Environment};" : "";
        return
        [
            $"--net={_network.NamespaceFile(Name)}", "--", "/bin/sh", "-c",
            $"{join} {preload} exec \"$@\" >> {_logFile} 2>&1 < /dev/null", "sh",
            .. new ServerCommand(_options.ServerTemplate).For(Places()),
        ];
    }

    private Dictionary<string, string> Places() => new()
    {
        ["name"] = Name,
        ["data-dir"] = DataDirectory,
        ["client-url"] = ClientUrl,
        ["peer-url"] = PeerUrl,
        ["initial-cluster"] = _initialCluster,
        ["state"] = _state,
        ["token"] = _options.Token,
    };

    private async Task KeepAsync(Process process)
    {
        await process.WaitForExitAsync();
        LastExitCode = process.ExitCode;
        Tell(ProcessChanged.Types.Kind.Exited, process.ExitCode);
        if (!_isMeantToRun || _lifetime.IsCancellationRequested)
            return;
        if (!MayEnd && !IsDamaged)
        {
            string when = string.Create(CultureInfo.InvariantCulture, $"{_recorder.Clock.Elapsed.TotalSeconds:F1} s");
            UnexpectedEnds.Add($"{Name} ended by itself with exit code {process.ExitCode} at {when}, see {_logFile}");
        }
        _ = RestartAsync();
    }

    private async Task RestartAsync()
    {
        try
        {
            await Task.Delay(RestartPause, _lifetime.Token);
            await _gate.WaitAsync(_lifetime.Token);
        }
        catch (OperationCanceledException)
        {
            // The run ends.
            return;
        }
        try
        {
            if (_isMeantToRun && !IsRunning)
                Launch();
        }
        finally
        {
            _gate.Release();
        }
    }

    private void Tell(ProcessChanged.Types.Kind kind, int exitCode = 0, string detail = "") =>
        _recorder.Write(new HistoryRecord
        {
            ProcessChanged = new ProcessChanged
            {
                At = _recorder.Now,
                Member = Name,
                Kind = kind,
                ExitCode = exitCode,
                Detail = detail,
                IsDamaged = kind == ProcessChanged.Types.Kind.Started && IsDamaged,
            },
        });
}
