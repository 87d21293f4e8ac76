using System.Globalization;
using Orchestrator.Api;

namespace Orchestrator.Host.Machine;

/// <summary>What a machine has and what it is, as its node tells it.</summary>
internal static class MachineFacts
{
    private const int MostPods = 110;

    public static string KernelVersion => Read("/proc/sys/kernel/osrelease") ?? Environment.OSVersion.Version.ToString();

    public static string OperatingSystem => NameIn(File.Exists("/etc/os-release") ? File.ReadAllLines("/etc/os-release") : []) ?? "Linux";

    /// <param name="folder">On the disk that pods write to.</param>
    public static IReadOnlyDictionary<string, Quantity> Capacity(string folder) => new Dictionary<string, Quantity>
    {
        ["cpu"] = Quantity.Parse(Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)),
        ["memory"] = Quantity.Parse($"{MemoryKibibytes(File.ReadLines("/proc/meminfo"))}Ki"),
        ["ephemeral-storage"] = Quantity.Parse($"{new DriveInfo(folder).TotalSize / 1024}Ki"),
        ["pods"] = Quantity.Parse(MostPods.ToString(CultureInfo.InvariantCulture)),
    };

    internal static string? NameIn(IEnumerable<string> osRelease) =>
        osRelease.FirstOrDefault(line => line.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?["PRETTY_NAME=".Length..].Trim('"');

    /// <param name="meminfo">Its first line is <c>MemTotal:   24683624 kB</c>.</param>
    internal static long MemoryKibibytes(IEnumerable<string> meminfo) => long.Parse(
        meminfo.First(line => line.StartsWith("MemTotal:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    private static string? Read(string file) => File.Exists(file) ? File.ReadAllText(file).Trim() : null;
}
