using System.Collections.Concurrent;
using KvStore.Testing;

namespace Orchestrator.Node.Tests.Live;

/// <summary>What a machine must have for tests with a real containerd.</summary>
internal static class Requirements
{
    private static readonly (string Path, string Package)[] Programs =
    [
        ("/usr/bin/containerd", "containerd"), ("/usr/bin/ctr", "containerd"), ("/usr/sbin/runc", "runc"),
        ("/usr/lib/cni/bridge", "containernetworking-plugins"), ("/usr/bin/nsenter", "util-linux"), ("/usr/sbin/ip", "iproute2"),
        ("/usr/sbin/iptables", "iptables"), ("/usr/sbin/nft", "nftables"), ("/usr/bin/busybox", "busybox-static"),
    ];

    /// <summary>What the machine cannot be made to have by installing something; null if nothing.</summary>
    public static string? Impossible { get; } =
        !OperatingSystem.IsLinux() || OciArchitecture != "amd64" ? "containers are tested on Linux on x86-64 only"
        : !Environment.IsPrivilegedProcess ? "containers, mounts and namespaces are made by root only: run the tests as root"
        : !File.Exists("/sys/fs/cgroup/cgroup.controllers") && !Directory.Exists("/sys/fs/cgroup/memory") ? "no cgroups are mounted at /sys/fs/cgroup"
        : null;

    /// <summary>What has to be installed; null if nothing.</summary>
    public static string? Missing()
    {
        var missing = Programs.Where(program => !File.Exists(program.Path)).ToList();
        return missing.Count == 0 ? null
            : $"{string.Join(", ", missing.Select(program => program.Path))} not found: "
                + $"apt-get install {string.Join(' ', missing.Select(program => program.Package).Distinct())}";
    }

    private static string OciArchitecture => Orchestrator.Runtime.Kubelet.Images.OciArchive.Architecture;
}

/// <summary>A test with a real containerd. It says why it is left out; where prerequisites are installed first, it is not.</summary>
internal class LiveFactAttribute : FactAttribute
{
    private static readonly ConcurrentDictionary<string, bool> Told = [];

    public LiveFactAttribute()
    {
        if ((Requirements.Impossible ?? (IsInstalledFirst ? null : Requirements.Missing())) is { } reason)
            LeaveOut(reason);
    }

    /// <summary>A run's own lines name the tests that were left out, but not why.</summary>
    protected void LeaveOut(string reason)
    {
        Skip = reason;
        if (Told.TryAdd(reason, true))
            Figures.Report($"tests of real nodes are left out: {reason}");
    }

    /// <summary>Where what is missing was installed before the tests, none of them is left out for it.</summary>
    protected static bool IsInstalledFirst => Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") is "readme" or "long";
}
