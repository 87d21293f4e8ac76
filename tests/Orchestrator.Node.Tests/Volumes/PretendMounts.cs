using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Node.Tests.Volumes;

/// <summary>A table of mounts without a kernel: what is mounted stays the folder that it is mounted on.</summary>
internal sealed class PretendMounts : IMounts
{
    private readonly Lock _gate = new();
    private readonly List<string> _mounted = [];

    /// <summary>All that was ever mounted: <c>memory PATH OPTIONS</c>, <c>bind SOURCE PATH</c>.</summary>
    public List<string> Made { get; } = [];

    /// <summary>Cannot be taken away.</summary>
    public string? Busy { get; set; }

    public IReadOnlyList<string> Mounted
    {
        get
        {
            lock (_gate)
                return [.. _mounted];
        }
    }

    public IReadOnlyList<string> Below(string folder)
    {
        lock (_gate)
            return [.. _mounted.Where(path => path == folder || path.StartsWith(folder + "/", StringComparison.Ordinal))];
    }

    public void MountMemory(string folder, string options) => Add(folder, $"memory {folder} {options}");

    public void MountHugePages(string folder, string options) => Add(folder, $"hugepages {folder} {options}");

    public void Bind(string source, string target, bool isRecursive) => Add(target, $"bind {source} {target}");

    public void Unmount(string target)
    {
        lock (_gate)
        {
            if (target == Busy)
                throw new IOException($"umount {target}: Device or resource busy");
            int last = _mounted.LastIndexOf(target);
            Assert.True(last >= 0, $"{target} is not mounted");
            _mounted.RemoveAt(last);
        }
    }

    private void Add(string target, string what)
    {
        Assert.True(Path.Exists(target), $"nothing to mount on: {target}");
        lock (_gate)
        {
            _mounted.Add(target);
            Made.Add(what);
        }
    }
}
