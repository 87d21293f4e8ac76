using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace KvStore.Server.Telemetry;

/// <summary>process_*, as Prometheus' own clients name them. What only Linux's /proc tells is missing elsewhere.</summary>
internal static class ProcessMetrics
{
    private const string Descriptors = "/proc/self/fd";
    private const string Limits = "/proc/self/limits";

    public static void Register(Meter meter)
    {
        long start = StartTime();
        meter.CreateObservableCounter(
            "process_cpu_seconds_total", () => Environment.CpuUsage.TotalTime.TotalSeconds, unit: null,
            "Processor time used, in seconds.");
        meter.CreateObservableGauge(
            "process_resident_memory_bytes", () => Environment.WorkingSet, unit: null, "Memory held, in bytes.");
        meter.CreateObservableGauge("process_start_time_seconds", () => start, unit: null, "Unix time of the start, in seconds.");
        meter.CreateObservableGauge("process_virtual_memory_bytes", VirtualMemory, unit: null, "Address space taken, in bytes.");
        if (!Directory.Exists(Descriptors))
            return;
        long limit = DescriptorLimit();
        // etcd tells both under names of its own too.
        foreach (string name in (string[])["process_open_fds", "os_fd_used"])
            meter.CreateObservableGauge(name, OpenDescriptors, unit: null, "File descriptors open.");
        foreach (string name in (string[])["process_max_fds", "os_fd_limit"])
            meter.CreateObservableGauge(name, () => limit, unit: null, "Most file descriptors that may be open.");
    }

    /// <summary>0 where the system does not tell.</summary>
    public static long DescriptorLimit() => File.Exists(Limits) ? ParseDescriptorLimit(File.ReadAllText(Limits)) : 0;

    internal static long ParseDescriptorLimit(string limits)
    {
        const string label = "Max open files";
        foreach (string line in limits.Split('\n'))
        {
            if (!line.StartsWith(label, StringComparison.Ordinal))
                continue;
            string soft = line[label.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
            return long.TryParse(soft, CultureInfo.InvariantCulture, out long value) ? value : long.MaxValue;
        }
        return 0;
    }

    private static long OpenDescriptors() => Directory.EnumerateFileSystemEntries(Descriptors).LongCount();

    private static long StartTime()
    {
        using var process = Process.GetCurrentProcess();
        return new DateTimeOffset(process.StartTime).ToUnixTimeSeconds();
    }

    private static long VirtualMemory()
    {
        using var process = Process.GetCurrentProcess();
        return process.VirtualMemorySize64;
    }
}
