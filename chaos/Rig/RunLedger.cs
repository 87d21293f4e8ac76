using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace KvStore.Chaos.Rig;

/// <summary>What a run has made on this machine, written down before it is made: so that whoever comes later can clear away what
/// a dead run left, and nothing else.</summary>
/// <remarks>
/// A line for each thing, in the order of making:
/// <code>
/// process 4711 8812345      one of the run's two processes: number and start. The run is dead when none of them lives
/// folder /tmp/.../work      disk images, sockets, logs under way
/// cgroup /sys/fs/cgroup/...
/// loop /tmp/.../m1.img      an image with a loop device
/// mount, namespace          stand in the run's own mount namespace: gone with its processes, listed for the reader
/// </code>
/// The run's processes are in a process namespace of their own, whose end the kernel makes the end of all of them; with the last
/// of them its mounts, network namespaces and loop devices go. What the kernel does not clear away are groups and folders.
/// </remarks>
internal sealed class RunLedger(string path)
{
    private const string ProcessLine = "process", FolderLine = "folder", CgroupLine = "cgroup", LoopLine = "loop";

    private readonly Lock _gate = new();

    /// <summary>Where the ledgers of all runs of this machine lie.</summary>
    public static string Home { get; } = "/run/kvstore-chaos";

    public string Path => path;

    /// <summary>A new run's, named for the process that begins it.</summary>
    public static RunLedger Create()
    {
        Directory.CreateDirectory(Home);
        var ledger = new RunLedger(System.IO.Path.Combine(Home, $"{Environment.ProcessId}.ledger"));
        var self = ProcessIdentity.Of(Environment.ProcessId) ?? throw new RigException("/proc does not know this process");
        File.WriteAllText(ledger.Path, "");
        ledger.AddProcess(self);
        return ledger;
    }

    public void AddProcess(ProcessIdentity process) => Add(ProcessLine, $"{process.Id} {process.StartTicks}");

    public void AddFolder(string folder) => Add(FolderLine, folder);

    public void AddCgroup(string cgroup) => Add(CgroupLine, cgroup);

    public void AddLoop(string image) => Add(LoopLine, image);

    public void AddMount(string place) => Add("mount", place);

    public void AddNamespace(string name) => Add("namespace", name);

    /// <summary>All that it names is gone: so is the ledger.</summary>
    public void Close() => File.Delete(path);

    /// <summary>Clears away what dead runs have left.</summary>
    public static async Task SweepAsync()
    {
        if (!Directory.Exists(Home))
            return;
        foreach (string file in Directory.GetFiles(Home, "*.ledger"))
        {
            var ledger = new RunLedger(file);
            if (!ledger.Processes().Any(process => process.IsAlive))
                await ledger.ClearAsync();
        }
    }

    /// <summary>Ends what lives of the run and removes what it made.</summary>
    /// <remarks>One at a time on this machine: the supervisor of a run that ends and the next start may both be at it.</remarks>
    public async Task ClearAsync()
    {
        using var turn = await TurnAsync();
        foreach (var process in Processes().Where(process => process.Id != Environment.ProcessId && process.IsAlive))
            Kill(process.Id);
        foreach (string cgroup in Of(CgroupLine).Where(Directory.Exists))
            await ClearCgroupAsync(cgroup);
        foreach (string image in Of(LoopLine))
            await DetachAsync(image);
        foreach (string folder in Of(FolderLine).Where(Directory.Exists))
            Directory.Delete(folder, recursive: true);
        Close();
    }

    private static async Task<FileStream> TurnAsync()
    {
        Directory.CreateDirectory(Home);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                // The kernel ends the lock with the process that holds it.
                return new FileStream(
                    System.IO.Path.Combine(Home, "clearing"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(60))
            {
                await pace.WaitForNextTickAsync();
            }
        }
    }

    private IEnumerable<ProcessIdentity> Processes() => Of(ProcessLine).Select(line =>
    {
        string[] parts = line.Split(' ');
        return new ProcessIdentity(int.Parse(parts[0], CultureInfo.InvariantCulture), long.Parse(parts[1], CultureInfo.InvariantCulture));
    });

    private string[] Of(string kind)
    {
        try
        {
            // The last line of a run that was killed while it wrote may lack its end: what it names was not made then.
            string text = File.ReadAllText(path);
            return [.. text[..(text.LastIndexOf('\n') + 1)].Split('\n')
                .Where(line => line.StartsWith(kind + " ", StringComparison.Ordinal)).Select(line => line[(kind.Length + 1)..])];
        }
        catch (FileNotFoundException)
        {
            // Another start has cleared it away meanwhile.
            return [];
        }
    }

    private void Add(string kind, string what)
    {
        lock (_gate)
            File.AppendAllText(path, $"{kind} {what}\n");
    }

    // Processes that were just killed leave their group a moment later.
    private static async Task ClearCgroupAsync(string cgroup)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            foreach (string process in File.ReadAllLines(System.IO.Path.Combine(cgroup, "cgroup.procs")))
                Kill(int.Parse(process, CultureInfo.InvariantCulture));
            try
            {
                Cgroup.RemoveGroup(cgroup);
                return;
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10))
            {
                await pace.WaitForNextTickAsync();
            }
        }
    }

    // By now the kernel has done it, or does it at this moment, unless something outside of the run keeps the mount.
    private static async Task DetachAsync(string image)
    {
        foreach (string device in await DevicesAsync(image))
        {
            var (code, _, error) = await Shell.TryAsync("losetup", ["--detach", device]);
            if (code != 0 && (await DevicesAsync(image)).Contains(device))
                throw new RigException($"{device} keeps {image}: {error.Trim()}");
        }
    }

    private static async Task<string[]> DevicesAsync(string image)
    {
        if (!File.Exists(image))
            return [];
        string devices = await Shell.RunAsync("losetup", "--associated", image, "--output", "NAME", "--noheadings");
        return devices.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
    }

    private static void Kill(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It has gone meanwhile.
        }
        catch (Exception gone) when (gone is InvalidOperationException or Win32Exception)
        {
            // The same, a moment later.
        }
    }
}
