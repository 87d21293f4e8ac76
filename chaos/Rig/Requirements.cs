namespace KvStore.Chaos.Rig;

/// <summary>What a machine must have for a run.</summary>
internal static class Requirements
{
    private static readonly (string Program, string Package)[] Programs =
    [
        ("ip", "iproute2"), ("tc", "iproute2"), ("nft", "nftables"), ("mkfs.ext4", "e2fsprogs"), ("losetup", "mount"),
        ("mount", "mount"), ("umount", "mount"), ("unshare", "util-linux"), ("nsenter", "util-linux"),
    ];

    /// <returns>Null if a run is possible, else a sentence that says why not and what to do.</returns>
    public static async Task<string?> MissingAsync()
    {
        if (!Environment.IsPrivilegedProcess)
            return "a run makes namespaces, mounts and cgroups of its own, and only root may: start it as root";
        var missing = Programs.Where(one => Find(one.Program) is null).ToArray();
        if (missing.Length > 0)
        {
            return $"{string.Join(", ", missing.Select(one => one.Program))} not found: "
                + $"apt-get install {string.Join(' ', missing.Select(one => one.Package).Distinct())}";
        }
        string[] places = ["/dev/loop-control", "/dev/net/tun", Cgroup.CpuRoot, Cgroup.BlockRoot];
        if (places.FirstOrDefault(place => !Path.Exists(place)) is { } absent)
            return $"this machine has no {absent}: the kernel must offer loop devices, TAP devices and the v1 cgroups cpu and blkio";
        var (code, _, error) = await Shell.TryAsync("unshare", ["--net", "--mount", "--pid", "--fork", "--mount-proc", "true"]);
        return code == 0 ? null : $"this machine does not let one make namespaces: {error.Trim()}";
    }

    /// <summary>A library that shifts a process's wall clock; null where it is not installed.</summary>
    public static string? FakeTimeLibrary() =>
        new[] { "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1" }
            .FirstOrDefault(File.Exists);

    private static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin")
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}
