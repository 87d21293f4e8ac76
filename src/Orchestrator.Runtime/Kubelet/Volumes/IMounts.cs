namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>The mounts of this process's namespace. The kernel's own table is the only memory of them: a kubelet that starts anew
/// finds those of the one before.</summary>
/// <remarks>Failures are <see cref="IOException"/>s. Paths are whole ones without links.</remarks>
internal interface IMounts
{
    /// <summary>Mount points at a folder and below it, oldest first; one that was mounted over stands there twice.</summary>
    IReadOnlyList<string> Below(string folder);

    /// <summary>Mounts a new file system in memory.</summary>
    /// <param name="options">As mount's -o has them.</param>
    void MountMemory(string folder, string options);

    /// <summary>Mounts a new file system of huge pages.</summary>
    void MountHugePages(string folder, string options);

    /// <summary>Lets a folder or file be seen at another place too.</summary>
    /// <param name="isRecursive">With what is mounted below it.</param>
    void Bind(string source, string target, bool isRecursive);

    /// <summary>Takes away what was mounted here last.</summary>
    void Unmount(string target);
}

internal static class MountsExtensions
{
    public static bool IsMounted(this IMounts mounts, string folder) => mounts.Below(folder).Contains(folder);

    /// <summary>Takes away all that is mounted at a folder and below it, the last mounted first.</summary>
    public static void UnmountAll(this IMounts mounts, string folder)
    {
        foreach (string target in mounts.Below(folder).Reverse())
            mounts.Unmount(target);
    }

    /// <summary>Deletes a folder and all in it, once nothing is mounted there: a mount's content is not the folder's.</summary>
    /// <exception cref="IOException">Something is mounted and cannot be taken away; nothing has been deleted.</exception>
    public static void RemoveTree(this IMounts mounts, string folder)
    {
        if (!Directory.Exists(folder))
            return;
        mounts.UnmountAll(folder);
        if (mounts.Below(folder) is { Count: > 0 } left)
            throw new IOException($"{left[0]} is still mounted");
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody else has.
        }
    }
}
