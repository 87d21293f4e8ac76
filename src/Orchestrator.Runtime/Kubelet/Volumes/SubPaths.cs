using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>Gives a container a part of a volume, without ever being led out of it by links that containers have made there.</summary>
/// <remarks>The path is resolved by the kernel below the volume's root, and what it found is bound by its handle to a place of the
/// kubelet's own: whatever is renamed or linked in the volume afterwards changes nothing.</remarks>
internal sealed class SubPaths(VolumeFolders folders, IMounts mounts)
{
    /// <summary>Finds, or makes as a folder, what the path names.</summary>
    /// <returns>The place where the container sees it.</returns>
    /// <exception cref="UnauthorizedAccessException">The path leads out of the volume.</exception>
    /// <exception cref="IOException">The node's disk does not do its part.</exception>
    public string Prepare(string volumeRoot, string path, string volume, string container, int index)
    {
        using SafeFileHandle root = LinuxFiles.Open(volumeRoot);
        using SafeFileHandle part = OpenOrMake(root, path);
        string target = folders.SubPath(volume, container, index);
        if (IsBound(target, LinuxFiles.StateOf(part)))
            return target;
        mounts.UnmountAll(target); // What an earlier life of the container saw.
        MakeTarget(target, LinuxFiles.StateOf(part).Kind == FileKind.Directory);
        mounts.Bind(LinuxFiles.PathOf(part), target, isRecursive: false);
        return target;
    }

    /// <summary>Opens what a path below a folder names; folders that are missing are made with the root's mode.</summary>
    /// <exception cref="UnauthorizedAccessException">It leads out of the folder.</exception>
    public static SafeFileHandle OpenOrMake(SafeFileHandle root, string path)
    {
        if (LinuxFiles.OpenBeneath(root, path) is { } found)
            return found;
        UnixFileMode mode = LinuxFiles.StateOf(root).Mode;
        SafeFileHandle? last = null;
        string done = "";
        foreach (string name in path.Split('/').Where(name => name is not ("" or ".")))
        {
            string next = Path.Combine(done, name);
            SafeFileHandle here = LinuxFiles.OpenBeneath(root, next) ?? Make(root, done, name, mode);
            last?.Dispose();
            (last, done) = (here, next);
        }
        return last ?? throw new UnauthorizedAccessException($"{path} names nothing");
    }

    private static SafeFileHandle Make(SafeFileHandle root, string parentPath, string name, UnixFileMode mode)
    {
        if (name == "..")
            throw new UnauthorizedAccessException($"{parentPath}/.. leads out of the volume");
        using SafeFileHandle parent = LinuxFiles.OpenBeneath(root, parentPath) ?? throw new IOException($"{parentPath} is gone");
        LinuxFiles.MakeFolder(parent, name, mode);
        SafeFileHandle made = LinuxFiles.OpenUnlinked(parent, name) ?? throw new IOException($"{name} is gone, or a link that leads nowhere");
        if (LinuxFiles.StateOf(made).Mode != mode)
            LinuxFiles.ChangeMode(LinuxFiles.PathOf(made), mode); // The process's own mask has taken some of it.
        return made;
    }

    private bool IsBound(string target, FileState part) =>
        mounts.IsMounted(target) && LinuxFiles.StateOfLink(target)?.Identity == part.Identity;

    private static void MakeTarget(string target, bool isFolder)
    {
        if (LinuxFiles.StateOfLink(target) is { } state)
        {
            if (state.Kind == FileKind.Directory == isFolder)
                return;
            if (state.Kind == FileKind.Directory)
                Directory.Delete(target); // Empty: it was only mounted on.
            else
                File.Delete(target);
        }
        if (isFolder)
        {
            Directory.CreateDirectory(target);
            return;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.WriteAllBytes(target, []);
    }
}
