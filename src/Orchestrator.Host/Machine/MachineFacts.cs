using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Host.Machine;

/// <summary>What a machine has and what it is, as its node tells it.</summary>
internal static class MachineFacts
{
    private const int MostPods = 110;

    public static string KernelVersion => Read("/proc/sys/kernel/osrelease") ?? Environment.OSVersion.Version.ToString();

    public static string OperatingSystem => NameIn(File.Exists("/etc/os-release") ? File.ReadAllLines("/etc/os-release") : []) ?? "Linux";

    /// <summary>What a machine does not say is told by what it does.</summary>
    public static MachineIdentity Identity
    {
        get
        {
            string machine = Read("/etc/machine-id") ?? "", system = ReadProtected("/sys/class/dmi/id/product_uuid") ?? "", boot = Read("/proc/sys/kernel/random/boot_id") ?? "";
            return new MachineIdentity(FirstOf(machine, system, boot), FirstOf(system, machine, boot), boot);
        }
    }

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

    private static string FirstOf(params string[] ids) => ids.FirstOrDefault(id => id.Length > 0) ?? "";

    private static string? ReadProtected(string file)
    {
        try
        {
            return Read(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // Some hardware has none.
        }
    }

    private static string? Read(string file) => File.Exists(file) ? File.ReadAllText(file).Trim() : null;
}
