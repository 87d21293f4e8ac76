using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Pods;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>A folder that is empty at first and lives as long as its pod: on the node's disk, in memory, or of huge pages.</summary>
internal sealed class EmptyDirVolume(string root, EmptyDirVolumeSource source, PodSpec pod, VolumeOwner owner, IMounts mounts) : IVolume
{
    private const UnixFileMode Everybody = (UnixFileMode)0x1FF; // 0777

    public string Root => root;

    public long? DiskLimitBytes => string.IsNullOrEmpty(source.Medium) && source.SizeLimit is { IsZero: false } limit ? limit.Value : null;

    public Task SetUpAsync(CancellationToken ct)
    {
        switch (source.Medium ?? "")
        {
            case "":
                MakeOnDisk();
                break;
            case "Memory":
                VolumeMedia.MountMemory(mounts, root, owner, SizeOf(source, pod));
                break;
            case { } medium when medium.StartsWith("HugePages", StringComparison.Ordinal):
                MountHugePages(medium);
                break;
            default:
                throw new VolumeException($"unknown storage medium \"{source.Medium}\"");
        }
        return Task.CompletedTask;
    }

    /// <summary>The most that may be in memory: what the pod says, and never more than all its containers may use together.</summary>
    /// <returns>Null: the kernel's own limit, half of the node's memory.</returns>
    public static long? SizeOf(EmptyDirVolumeSource source, PodSpec pod)
    {
        long? size = source.SizeLimit is { IsZero: false } limit ? limit.Value : null;
        bool isLimited = (pod.Resources?.Limits).OrEmpty().ContainsKey("memory")
            || pod.Containers.OrEmpty().All(container => container.Resources?.Limits is { } limits && limits.ContainsKey("memory"));
        if (!isLimited)
            return size;
        long all = PodResources.Limits(pod).GetValueOrDefault("memory").Value;
        return all > 0 && (size is null || all < size) ? all : size;
    }

    /// <summary>By another name first, which no volume has: one of the right name is whole.</summary>
    private void MakeOnDisk()
    {
        if (Directory.Exists(root))
            return;
        string parent = Path.GetDirectoryName(root)!;
        string draft = Path.Combine(parent, ".." + Path.GetFileName(root));
        Directory.CreateDirectory(draft);
        LinuxFiles.ChangeMode(draft, Everybody);
        owner.Apply(draft, isReadOnly: false);
        Directory.Move(draft, root);
    }

    private void MountHugePages(string medium)
    {
        if (mounts.IsMounted(root))
            return;
        Directory.CreateDirectory(root);
        string size = medium.Length > "HugePages-".Length ? medium["HugePages-".Length..] : OnlyPageSize();
        mounts.MountHugePages(root, $"pagesize={size.Replace("i", "", StringComparison.Ordinal)},{VolumeMedia.ModeOptions(owner, 0x1FF)}");
    }

    /// <summary>The one that the pod's containers ask for.</summary>
    private string OnlyPageSize()
    {
        const string Prefix = "hugepages-";
        List<string> sizes = [.. pod.Containers.OrEmpty().SelectMany(container => (container.Resources?.Limits).OrEmpty().Keys)
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name[Prefix.Length..]).Distinct()];
        return sizes is [string size] ? size
            : throw new VolumeException(string.Create(
                CultureInfo.InvariantCulture, $"medium HugePages needs containers with huge pages of one size, and there are {sizes.Count}"));
    }
}

/// <summary>What volumes are written on.</summary>
internal static class VolumeMedia
{
    private const int Sticky = 0x3FF; // 01777, as /tmp has it
    private const int SetGroup = 0x400;

    /// <summary>Mounts memory at a folder, with the right owner from the first moment; what is mounted already stays.</summary>
    public static void MountMemory(IMounts mounts, string folder, VolumeOwner owner, long? sizeBytes)
    {
        if (mounts.IsMounted(folder))
            return;
        Directory.CreateDirectory(folder);
        string size = sizeBytes is { } bytes ? FormattableString.Invariant($"size={bytes},") : "";
        mounts.MountMemory(folder, size + ModeOptions(owner, Sticky));
    }

    public static string ModeOptions(VolumeOwner owner, int mode) => owner.Group is { } group
        ? $"mode=0{Convert.ToString(mode | SetGroup, 8)},gid={group.ToString(CultureInfo.InvariantCulture)}"
        : $"mode=0{Convert.ToString(mode, 8)}";
}
