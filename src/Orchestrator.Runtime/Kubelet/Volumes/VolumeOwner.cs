using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>Whose a pod's volumes are.</summary>
/// <param name="Group">fsGroup: owns all files of the volumes that are the pod's; null: nobody in particular.</param>
/// <param name="User">The one user that all containers run as; null where there is none such, or it is not known.</param>
/// <param name="OnRootMismatch">The files are looked at only when the volume's root is not as it should be.</param>
internal sealed record VolumeOwner(long? Group, long? User, bool OnRootMismatch)
{
    private const UnixFileMode ReadWrite = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
    private const UnixFileMode ReadOnly = UnixFileMode.UserRead | UnixFileMode.GroupRead;

    /// <summary>Files made in a folder belong to the folder's group.</summary>
    private const UnixFileMode FolderBits = UnixFileMode.SetGroup | UnixFileMode.UserExecute | UnixFileMode.GroupExecute;

    public static VolumeOwner Of(PodSpec spec)
    {
        PodSecurityContext? shared = spec.SecurityContext;
        long?[] users = [.. spec.InitContainers.OrEmpty().Concat(spec.Containers.OrEmpty())
            .Select(container => container.SecurityContext?.RunAsUser ?? shared?.RunAsUser)
            .Concat(spec.EphemeralContainers.OrEmpty().Select(container => container.SecurityContext?.RunAsUser ?? shared?.RunAsUser)).Distinct()];
        return new VolumeOwner(shared?.FsGroup, users is [{ } user] ? user : null, shared?.FsGroupChangePolicy == "OnRootMismatch");
    }

    /// <summary>The mode that a file or folder of the group gets.</summary>
    public static UnixFileMode ModeFor(FileKind kind, UnixFileMode mode, bool isReadOnly) =>
        mode | (isReadOnly ? ReadOnly : ReadWrite) | (kind == FileKind.Directory ? FolderBits : 0);

    /// <summary>Gives a volume's files to the group, if there is one.</summary>
    /// <remarks>Links are left as they are: nobody's rights depend on who owns one.</remarks>
    public void Apply(string volume, bool isReadOnly)
    {
        if (Group is null)
            return;
        using SafeFileHandle root = LinuxFiles.Open(volume);
        if (OnRootMismatch && IsRight(LinuxFiles.StateOf(root), isReadOnly))
            return;
        Apply(root, "", isReadOnly);
    }

    private bool IsRight(FileState state, bool isReadOnly) =>
        state.Group == Group && ModeFor(state.Kind, state.Mode, isReadOnly) == state.Mode;

    /// <summary>A folder's content first, so that a root that is right says that all below it is.</summary>
    private void Apply(SafeFileHandle root, string path, bool isReadOnly)
    {
        using SafeFileHandle? file = LinuxFiles.OpenUnlinked(root, path);
        if (file is null)
            return; // A link, or gone meanwhile.
        FileState state = LinuxFiles.StateOf(file);
        if (state.Kind == FileKind.Directory)
        {
            foreach (string entry in Directory.EnumerateFileSystemEntries(LinuxFiles.PathOf(file)))
                Apply(root, Path.Combine(path, Path.GetFileName(entry)), isReadOnly);
        }
        if (IsRight(state, isReadOnly))
            return;
        LinuxFiles.ChangeOwner(file, null, Group);
        UnixFileMode mode = ModeFor(state.Kind, state.Mode, isReadOnly);
        LinuxFiles.ChangeMode(LinuxFiles.PathOf(file), mode); // After the owner: that change takes bits away.
    }
}
