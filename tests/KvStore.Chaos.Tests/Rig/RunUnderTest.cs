using System.Diagnostics;
using System.Globalization;
using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Tests.Rig;

/// <summary>A <c>chaos run</c> as a process of its own, and what it has on this machine. Its members only sleep.</summary>
internal sealed class RunUnderTest : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    private readonly string _out = Directory.CreateTempSubdirectory("chaos-test-").FullName;
    private readonly Process _supervisor;

    public RunUnderTest()
    {
        if (!Environment.IsPrivilegedProcess)
            throw new InvalidOperationException("this test makes namespaces and mounts, and only root may: run the tests as root");
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "chaos"),
            ["run", "--server", "env RIG={name} sleep infinity", "--out", Path.Combine(_out, "run")])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        _supervisor = Process.Start(start) ?? throw new InvalidOperationException("chaos did not start");
    }

    public string Ledger => Path.Combine(RunLedger.Home, $"{_supervisor.Id}.ledger");

    private string WorkFolder => Path.Combine(Path.GetTempPath(), $"kvstore-chaos-{_supervisor.Id}");

    private IEnumerable<string> Cgroups => new[] { Cgroup.CpuRoot, Cgroup.BlockRoot }
        .SelectMany(root => Directory.EnumerateDirectories(root, $"chaos-{_supervisor.Id}-*"));

    /// <summary>Waits until all members run, each in its namespace and on its disk.</summary>
    /// <returns>The numbers of all processes that the run has started.</returns>
    public async Task<IReadOnlyList<ProcessIdentity>> AtWorkAsync()
    {
        await UntilAsync(() => Members().Count == 3 && LoopDevices().Count == 3, "three members run");
        return [.. Members(), Runner()];
    }

    /// <summary>The first process of the run's own namespaces.</summary>
    public ProcessIdentity Runner() => Processes().Single(process => process.Id != _supervisor.Id);

    public void KillSupervisor() => _supervisor.Kill();

    public void KillRunner()
    {
        using var runner = Process.GetProcessById(Runner().Id);
        runner.Kill();
    }

    public async Task<int> ExitCodeAsync()
    {
        await _supervisor.WaitForExitAsync().WaitAsync(Limit);
        return _supervisor.ExitCode;
    }

    /// <summary>Waits until nothing is left of it.</summary>
    public Task GoneAsync(IReadOnlyList<ProcessIdentity> processes) =>
        UntilAsync(() => !processes.Any(process => process.IsAlive) && Remains().Count == 0,
            () => $"nothing is left; but there is {string.Join(", ", Remains())}");

    /// <summary>What there is of it on the machine, processes apart.</summary>
    public IReadOnlyList<string> Remains()
    {
        // Mounts and namespaces would keep the loop devices and the files within the folder.
        string[] files = [Ledger, WorkFolder];
        return [.. files.Where(Path.Exists), .. Cgroups, .. LoopDevices()];
    }

    public void Dispose()
    {
        if (!_supervisor.HasExited)
            _supervisor.Kill();
        _supervisor.Dispose();
        Directory.Delete(_out, recursive: true);
    }

    private List<ProcessIdentity> Members() => [.. Cgroups.Where(path => path.StartsWith(Cgroup.CpuRoot + "/", StringComparison.Ordinal))
        .SelectMany(path => File.ReadAllLines(Path.Combine(path, "cgroup.procs")))
        .Select(id => ProcessIdentity.Of(int.Parse(id, CultureInfo.InvariantCulture))).OfType<ProcessIdentity>()];

    private List<string> LoopDevices() => [.. Directory.GetDirectories("/sys/block", "loop*")
        .Where(device => BackingFile(device).StartsWith(WorkFolder, StringComparison.Ordinal))];

    private static string BackingFile(string device)
    {
        try
        {
            return File.ReadAllText(Path.Combine(device, "loop", "backing_file"));
        }
        catch (IOException)
        {
            // It has none, or has none any more.
            return "";
        }
    }

    private IEnumerable<ProcessIdentity> Processes() => File.ReadAllLines(Ledger)
        .Where(line => line.StartsWith("process ", StringComparison.Ordinal)).Select(line => line.Split(' '))
        .Select(parts => new ProcessIdentity(
            int.Parse(parts[1], CultureInfo.InvariantCulture), long.Parse(parts[2], CultureInfo.InvariantCulture)));

    private static Task UntilAsync(Func<bool> condition, string what) => UntilAsync(condition, () => what);

    private static async Task UntilAsync(Func<bool> condition, Func<string> what)
    {
        using var pace = new PeriodicTimer(Pace);
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
                throw new TimeoutException($"it did not come to this: {what()}");
            await pace.WaitForNextTickAsync();
        }
    }
}
