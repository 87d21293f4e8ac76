using System.Runtime.InteropServices;

namespace Orchestrator.Host.Machine;

/// <summary>What a machine lacks to run containers, in one line with the command that brings it.</summary>
internal static class MachineCheck
{
    private static readonly (string Program, string Package)[] Programs =
    [
        ("containerd", "containerd"), ("runc", "runc"), ("ip", "iproute2"), ("nft", "nftables"), ("iptables", "iptables"),
        ("nsenter", "util-linux"), ("mount", "mount"), ("setsid", "util-linux"),
    ];

    /// <returns>Null when all is there.</returns>
    public static string? Missing()
    {
        if (!OperatingSystem.IsLinux())
            return "containers run on Linux only";
        if (RuntimeInformation.OSArchitecture is not (Architecture.X64 or Architecture.Arm64))
            return $"there is no built-in pause image for {RuntimeInformation.OSArchitecture}";
        if (!Environment.IsPrivilegedProcess)
            return "namespaces, mounts and cgroups are made by root only: run it as root";
        if (!File.Exists("/sys/fs/cgroup/cgroup.controllers") && !Directory.Exists("/sys/fs/cgroup/memory"))
            return "no cgroups are mounted at /sys/fs/cgroup";
        List<string> missing = [], packages = [];
        foreach (var (program, package) in Programs.Where(entry => !IsOnPath(entry.Program)))
        {
            missing.Add(program);
            packages.Add(package);
        }
        if (CniConfiguration.FindPlugins() is null)
        {
            missing.Add("CNI's standard plugins");
            packages.Add("containernetworking-plugins");
        }
        return missing.Count == 0 ? null
            : $"{string.Join(", ", missing)} {(missing.Count == 1 ? "is" : "are")} missing: apt-get install {string.Join(' ', packages.Distinct())}";
    }

    private static bool IsOnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Any(folder => File.Exists(Path.Combine(folder, program)));
}
