using System.Diagnostics;

namespace Orchestrator.Node.Tests.Live;

/// <summary>Finds and removes what a node leaves on a machine: processes, mounts, a network namespace, cgroups, a folder.</summary>
/// <remarks>All of one node's things bear its folder's path or its name, so nothing of anybody else's is touched.</remarks>
internal sealed class Leftovers(string folder, string name)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static string Parent => Path.GetTempPath();

    /// <summary>What test processes left that were killed: their folders bear their ids.</summary>
    public static void RemoveThoseOfTheDead(string prefix)
    {
        foreach (string left in Directory.EnumerateDirectories(Parent, prefix + "-*"))
        {
            string[] parts = Path.GetFileName(left).Split('-');
            if (!int.TryParse(parts[^2], out int owner) || Directory.Exists($"/proc/{owner}"))
                continue;
            new Leftovers(left, NameOfNode(left)).LosePower();
            new Leftovers(left, Path.GetFileName(left)).Remove();
        }
    }

    /// <summary>What the product calls the node of the cluster whose home is in a folder: its namespace and cgroups have that name.</summary>
    public static string NameOfNode(string folder)
    {
        byte[] path = System.Text.Encoding.UTF8.GetBytes(Path.Combine(folder, "home", "profiles", "orchestrator"));
        return $"orchestrator-orchestrator-{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(path).AsSpan(0, 4))}";
    }

    /// <summary>Removes all, and says what could not be.</summary>
    public IReadOnlyList<string> Remove()
    {
        IReadOnlyList<string> left = LosePower();
        if (left.Count == 0 && Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        return left;
    }

    /// <summary>Removes all but the folder, as what is on a disk stays, and says what could not be.</summary>
    public IReadOnlyList<string> LosePower()
    {
        KillAll();
        UnmountAll();
        if (File.Exists("/run/netns/" + name))
            Run("ip", "netns", "del", name);
        RemoveCgroups();
        return [.. Find()];
    }

    /// <summary>What is on the machine, but for the folder itself.</summary>
    public IEnumerable<string> Find()
    {
        foreach (int process in Processes())
            yield return $"process {process}: {CommandLine(process).Replace('\0', ' ')}";
        foreach (string mount in Mounts())
            yield return $"mount {mount}";
        if (File.Exists("/run/netns/" + name))
            yield return $"network namespace {name}";
        foreach (string cgroup in Cgroups().SelectMany(Tree))
            yield return $"cgroup {cgroup}";
    }

    /// <summary>Kills its processes, none of which is asked.</summary>
    public void KillAll()
    {
        long began = Stopwatch.GetTimestamp();
        while (Processes() is { Count: > 0 } processes && Stopwatch.GetElapsedTime(began) < Patience)
        {
            foreach (int process in processes)
                Kill(process);
            Thread.Sleep(50);
        }
    }

    private static void Kill(int process)
    {
        try
        {
            using var found = Process.GetProcessById(process);
            found.Kill();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // It has ended.
        }
    }

    /// <summary>containerd, its shims and whatever else was started with the folder in its command line, and what runs in containers.</summary>
    private HashSet<int> Processes() =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(path => Path.GetFileName(path))
            .Where(text => int.TryParse(text, out int id) && id != Environment.ProcessId).Select(int.Parse)
            .Where(id => CommandLine(id).Contains(folder + "/", StringComparison.Ordinal)),
        .. Cgroups().SelectMany(Tree).SelectMany(cgroup => ReadLines(Path.Combine(cgroup, "cgroup.procs"))).Select(int.Parse),
    ];

    private static string CommandLine(int process) => string.Join('\0', ReadLines($"/proc/{process}/cmdline"));

    private List<string> Mounts() =>
    [
        .. ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')[4]).Where(path => path.StartsWith(folder + "/", StringComparison.Ordinal)),
    ];

    private void UnmountAll()
    {
        // The last mounted first.
        foreach (string mount in Mounts().AsEnumerable().Reverse())
            Run("umount", "-l", mount);
    }

    private IEnumerable<string> Cgroups() =>
        Directory.EnumerateDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(root => Path.Combine(root, name)).Where(Directory.Exists);

    private void RemoveCgroups()
    {
        long began = Stopwatch.GetTimestamp();
        while (Cgroups().ToList() is { Count: > 0 } cgroups && Stopwatch.GetElapsedTime(began) < Patience)
        {
            // A cgroup is a folder that goes when it has no children and no processes, which may take a moment to be gone.
            foreach (string cgroup in cgroups.SelectMany(Tree))
                Run("rmdir", cgroup);
            Thread.Sleep(20);
        }
    }

    /// <summary>The folder and all below it, the deepest first.</summary>
    private static IEnumerable<string> Tree(string cgroup) =>
        Directory.EnumerateDirectories(cgroup).SelectMany(Tree).Append(cgroup).ToList();

    private static string[] ReadLines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // Gone meanwhile.
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
    }
}
