using System.Diagnostics;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;

namespace Orchestrator.Host.Machine;

/// <summary>Takes a node off the machine: its pods end, politely first, then whatever bears its names is removed.</summary>
/// <remarks>It needs nobody alive: also what a process that was killed has left is found, by names and paths.</remarks>
internal static class NodeEnding
{
    /// <summary>What a container is given to end by itself.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    /// <exception cref="CommandException">Something cannot be removed; the text names it.</exception>
    public static async Task EndAsync(NodePlace place)
    {
        if (!Directory.Exists(place.Directory))
            return; // There never was one: its nodes are pretended.
        if (ContainerdProcess.Running(place) is not null)
            await StopPodsAsync(place);
        await ContainerdProcess.EndAsync(place);
        await KillLeftAsync(place);
        ShimFiles.Remove(place);
        await UnmountAsync(place);
        await NodeNetwork.RemoveAsync(place);
        await HostNetwork.RemoveAsync(place);
        await RemoveCgroupsAsync(place);
        if (Left(place).ToList() is { Count: > 0 } left)
            throw new CommandException($"the node cannot be taken off the machine: {string.Join("; ", left)} stays; end it and try again");
    }

    /// <summary>What of the node is on the machine beside its files.</summary>
    public static IEnumerable<string> Left(NodePlace place)
    {
        foreach (int process in Processes(place))
            yield return $"process {process}";
        foreach (string mount in Mounts(place))
            yield return $"mount {mount}";
        if (File.Exists(place.NamespaceFile))
            yield return $"network namespace {place.Name}";
        foreach (string cgroup in Cgroups(place))
            yield return $"cgroup {cgroup}";
    }

    /// <summary>As the machine's own shutdown would: all at once, each with its grace.</summary>
    private static async Task StopPodsAsync(NodePlace place)
    {
        using var connection = new CriConnection(new CriOptions { Socket = place.ContainerdSocket });
        var runtime = new CriContainerRuntime(connection);
        try
        {
            var running = (await runtime.ListContainersAsync(null, CancellationToken.None)).Where(container => container.State == RuntimeContainerState.Running);
            await Task.WhenAll(running.Select(container => runtime.StopContainerAsync(container.Id, Grace, CancellationToken.None)));
            var sandboxes = (await runtime.ListPodSandboxAsync(null, CancellationToken.None)).Where(sandbox => sandbox.IsReady);
            await Task.WhenAll(sandboxes.Select(sandbox => runtime.StopPodSandboxAsync(sandbox.Id, CancellationToken.None)));
        }
        catch (CriException)
        {
            // What does not go politely is ended below.
        }
    }

    private static async Task KillLeftAsync(NodePlace place)
    {
        long began = Stopwatch.GetTimestamp();
        while (Processes(place) is { Count: > 0 } processes && Stopwatch.GetElapsedTime(began) < Patience)
        {
            foreach (int id in processes)
            {
                try
                {
                    using var process = Process.GetProcessById(id);
                    process.Kill();
                }
                catch (Exception fault) when (fault is ArgumentException or InvalidOperationException)
                {
                    // It has ended.
                }
            }
            await Task.Delay(PollInterval);
        }
    }

    /// <summary>containerd's shims, which bear its socket in their command line, and all that is in the node's cgroups.</summary>
    private static List<int> Processes(NodePlace place)
    {
        var found = new HashSet<int>();
        foreach (string path in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(path), out int id) && id != Environment.ProcessId
                && IsContainerds(Read(Path.Combine(path, "cmdline")).Split('\0'), place))
                found.Add(id);
        }
        foreach (string line in Cgroups(place).SelectMany(cgroup => Read(Path.Combine(cgroup, "cgroup.procs")).Split('\n')))
        {
            if (int.TryParse(line, out int id))
                found.Add(id);
        }
        return [.. found];
    }

    private static bool IsContainerds(string[] command, NodePlace place) =>
        Path.GetFileName(command[0]) is "nsenter" or "containerd" or "containerd-shim-runc-v2"
        && Array.Exists(command, word => word.Contains(place.Directory + "/", StringComparison.Ordinal));

    private static async Task UnmountAsync(NodePlace place)
    {
        // The last mounted first. What a process still uses goes when that has ended.
        foreach (string mount in Mounts(place).AsEnumerable().Reverse())
            await MachineTool.TryAsync("umount", ["-l", mount]);
    }

    private static List<string> Mounts(NodePlace place) =>
    [
        .. File.ReadLines("/proc/self/mountinfo").Select(line => Unescaped(line.Split(' ')[4]))
            .Where(path => path.StartsWith(place.Directory + "/", StringComparison.Ordinal)),
    ];

    /// <summary>Blanks and their like stand in the table as <c>\040</c>.</summary>
    internal static string Unescaped(string path) => System.Text.RegularExpressions.Regex.Replace(
        path, @"\\([0-7]{3})", match => ((char)Convert.ToInt32(match.Groups[1].Value, 8)).ToString());

    private static async Task RemoveCgroupsAsync(NodePlace place)
    {
        long began = Stopwatch.GetTimestamp();
        while (Cgroups(place) is { Count: > 0 } cgroups && Stopwatch.GetElapsedTime(began) < Patience)
        {
            foreach (string cgroup in cgroups)
            {
                try
                {
                    Directory.Delete(cgroup);
                }
                catch (IOException)
                {
                    // Its processes take a moment to be gone.
                }
            }
            await Task.Delay(PollInterval);
        }
    }

    /// <summary>Of all hierarchies, the deepest first.</summary>
    private static List<string> Cgroups(NodePlace place) =>
    [
        .. Directory.EnumerateDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(root => root + place.Cgroup)
            .Where(Directory.Exists).SelectMany(Tree),
    ];

    private static IEnumerable<string> Tree(string cgroup) => Directory.EnumerateDirectories(cgroup).SelectMany(Tree).Append(cgroup);

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return ""; // Gone meanwhile.
        }
    }
}
