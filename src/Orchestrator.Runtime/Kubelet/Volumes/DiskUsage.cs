using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>What a tree of files takes of its disk.</summary>
internal static class DiskUsage
{
    /// <summary>Bytes of blocks, as du counts them: a file with two names once, holes not at all. Links are not followed.</summary>
    /// <returns>At least so much, once it is more than <paramref name="limit"/>: the rest is not looked at.</returns>
    public static long Of(string folder, long limit) => Count(folder, limit).Bytes;

    /// <summary>As <c>du</c> and <c>du --inodes</c> count them. What is not there is nothing.</summary>
    public static DiskUse Of(string folder) => Count(folder, long.MaxValue);

    private static DiskUse Count(string folder, long limit)
    {
        long bytes = 0;
        var seen = new HashSet<(ulong, ulong)>();
        var waiting = new Stack<string>([folder]);
        while (bytes <= limit && waiting.TryPop(out string? path))
        {
            if (LinuxFiles.StateOfLink(path) is not { } state || !seen.Add(state.Identity))
                continue;
            bytes += state.BytesOnDisk;
            if (state.Kind != FileKind.Directory)
                continue;
            foreach (string entry in EntriesOf(path))
                waiting.Push(entry);
        }
        return new DiskUse(bytes, seen.Count);
    }

    private static IEnumerable<string> EntriesOf(string folder)
    {
        try
        {
            return Directory.GetFileSystemEntries(folder);
        }
        catch (DirectoryNotFoundException)
        {
            return []; // Gone meanwhile.
        }
    }
}
