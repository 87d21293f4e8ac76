using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>What a file is; the kernel's numbers.</summary>
internal enum FileKind
{
    Other = 0,
    CharacterDevice = 0x2000,
    Directory = 0x4000,
    BlockDevice = 0x6000,
    Regular = 0x8000,
    Link = 0xA000,
    Socket = 0xC000,
}

/// <param name="Mode">Permissions, with the bits for user and group of what runs or is made there.</param>
/// <param name="Identity">Two paths with the same lead to the same file.</param>
internal readonly record struct FileState(
    FileKind Kind, UnixFileMode Mode, uint User, uint Group, (ulong Device, ulong Number) Identity, long BytesOnDisk);

/// <summary>What a file system has in all and what of it is free, for others than root.</summary>
/// <param name="Inodes">0 where their number has no limit.</param>
internal readonly record struct FilesystemSpace(long CapacityBytes, long AvailableBytes, long Inodes, long FreeInodes);

/// <summary>What volumes ask of Linux' files and mounts that .NET has no call for.</summary>
/// <remarks>
/// Containers may change their volumes at any moment, links in them too. So whatever lies in a volume is reached from a handle
/// of the volume's root, and the kernel itself refuses to leave it (openat2, Linux 5.6).
/// </remarks>
internal static class LinuxFiles
{
    public const int NoEntry = 2;
    public const int TryAgain = 11;
    public const int Busy = 16;
    public const int InvalidArgument = 22;
    private const int Exists = 17;
    private const int CrossDevice = 18;
    private const int NotADirectory = 20;
    private const int NotImplemented = 38;
    private const int TooManyLinks = 40;

    private const int CurrentFolder = -100;
    private const int OpenPathOnly = 0x200000;
    private const int CloseOnExec = 0x80000;
    private const int OpenAt2 = 437; // On every processor.
    private const ulong NoMagicLinks = 0x2;
    private const ulong NoLinks = 0x4;
    private const ulong Beneath = 0x8;
    private const int ResolveTries = 100;

    /// <summary>Of what statx counts, whatever the file system's own blocks are.</summary>
    private const int BlockBytes = 512;

    private const int EmptyPath = 0x1000;
    private const int NoFollow = 0x100;
    private const uint BasicStats = 0x7FF;
    private const int KindMask = 0xF000;
    private const uint Unchanged = uint.MaxValue;

    private const nuint MountBind = 0x1000;
    private const nuint MountRecursive = 0x4000;
    private const int UnmountNoFollow = 8;

    /// <summary>A handle by which a file is named, not read.</summary>
    /// <exception cref="IOException">There is none.</exception>
    public static SafeFileHandle Open(string path) => Open(CurrentFolder, path, 0, path);

    /// <summary>Opens what is named below a folder. Links are followed as long as they stay there.</summary>
    /// <returns>Null where there is nothing.</returns>
    /// <exception cref="UnauthorizedAccessException">The path leads out of the folder.</exception>
    public static SafeFileHandle? OpenBeneath(SafeFileHandle root, string path) => TryOpenBeneath(root, path, Beneath | NoMagicLinks);

    /// <summary>As <see cref="OpenBeneath"/>, but no link is followed.</summary>
    /// <returns>Null where there is nothing, or a link.</returns>
    public static SafeFileHandle? OpenUnlinked(SafeFileHandle root, string path) => TryOpenBeneath(root, path, Beneath | NoLinks);

    /// <summary>Makes a folder; that there is something of this name already is no error.</summary>
    public static void MakeFolder(SafeFileHandle parent, string name, UnixFileMode mode)
    {
        if (MakeDirectoryAt(Number(parent), name, (uint)mode) != 0 && Marshal.GetLastPInvokeError() is var error and not Exists)
            throw Failure(error, $"mkdir {name}");
    }

    /// <summary>The path by which this process's own calls reach an open file.</summary>
    public static string PathOf(SafeFileHandle file) => FormattableString.Invariant($"/proc/self/fd/{Number(file)}");

    /// <summary>Follows links.</summary>
    /// <returns>Null where there is nothing.</returns>
    public static FileState? StateOf(string path) => StateOf(CurrentFolder, path, 0);

    /// <returns>Null where there is nothing.</returns>
    public static FileState? StateOfLink(string path) => StateOf(CurrentFolder, path, NoFollow);

    /// <exception cref="IOException">There is nothing at the path.</exception>
    public static FilesystemSpace SpaceAt(string path)
    {
        if (SpaceOf(path, out Space space) != 0)
            throw Failure(Marshal.GetLastPInvokeError(), $"statvfs {path}");
        long block = (long)space.FragmentBytes;
        return new FilesystemSpace((long)space.Blocks * block, (long)space.AvailableBlocks * block, (long)space.Inodes, (long)space.FreeInodes);
    }

    public static FileState StateOf(SafeFileHandle file) => StateOf(Number(file), "", EmptyPath)!.Value;

    /// <param name="user">Null: as it is.</param>
    /// <param name="group">Null: as it is.</param>
    public static void ChangeOwner(SafeFileHandle file, long? user, long? group) => ChangeOwner(Number(file), "", user, group, EmptyPath);

    /// <summary>Of a link the link itself.</summary>
    public static void ChangeOwner(string path, long? user, long? group) => ChangeOwner(CurrentFolder, path, user, group, NoFollow);

    /// <summary>Follows links: only for what is the kubelet's own, or the path of a handle.</summary>
    public static void ChangeMode(string path, UnixFileMode mode)
    {
        if (ChangeModeOf(path, (uint)mode) != 0)
            throw Failure(Marshal.GetLastPInvokeError(), $"chmod {path}");
    }

    /// <summary>Gives a file, folder or link another name, in one step; what had it is gone. (.NET does not move links to folders.)</summary>
    public static void Rename(string from, string to)
    {
        if (RenameFile(from, to) != 0)
            throw Failure(Marshal.GetLastPInvokeError(), $"rename {from} {to}");
    }

    /// <summary>The path without links.</summary>
    public static string RealPath(string path)
    {
        using SafeFileHandle file = Open(path);
        return new FileInfo(PathOf(file)).LinkTarget!;
    }

    public static void MountNew(string kind, string target, string options)
    {
        if (Mount(kind, target, kind, 0, options) != 0)
            throw Failure(Marshal.GetLastPInvokeError(), $"mount -t {kind} -o {options} {target}");
    }

    /// <param name="isRecursive">What is mounted below the source is there too.</param>
    public static void Bind(string source, string target, bool isRecursive)
    {
        if (Mount(source, target, null, MountBind | (isRecursive ? MountRecursive : 0), null) != 0)
            throw Failure(Marshal.GetLastPInvokeError(), $"mount --bind {source} {target}");
    }

    /// <exception cref="IOException">It is in use, or no mount.</exception>
    public static void Unmount(string target)
    {
        if (UnmountWith(target, UnmountNoFollow) != 0)
            throw Failure(Marshal.GetLastPInvokeError(), $"umount {target}");
    }

    /// <summary>The kernel's number of what went wrong, as <see cref="IOException"/>s from here have it.</summary>
    public static int ErrorOf(IOException failure) => failure.HResult & 0xFFFF;

    private static SafeFileHandle? TryOpenBeneath(SafeFileHandle root, string path, ulong resolve)
    {
        if (path.Length == 0)
            path = ".";
        for (int tries = 1; ; tries++)
        {
            try
            {
                return Open(Number(root), path, resolve, path);
            }
            catch (IOException e)
            {
                switch (ErrorOf(e))
                {
                    case NoEntry:
                    case TooManyLinks when (resolve & NoLinks) != 0:
                        return null;
                    case CrossDevice or TooManyLinks:
                        throw new UnauthorizedAccessException($"{path} leads out of the volume", e);
                    case TryAgain when tries < ResolveTries: // Something was renamed while the kernel looked.
                        continue;
                }
                throw;
            }
        }
    }

    private static SafeFileHandle Open(int folder, string path, ulong resolve, string what)
    {
        var how = new OpenHow { Flags = OpenPathOnly | CloseOnExec, Resolve = resolve };
        nint result = SystemCall(OpenAt2, folder, path, ref how, (nuint)Marshal.SizeOf<OpenHow>());
        if (result >= 0)
            return new SafeFileHandle(result, ownsHandle: true);
        int error = Marshal.GetLastPInvokeError();
        throw error == NotImplemented ? new NotSupportedException("volumes need Linux 5.6 or later: openat2 is missing") : Failure(error, $"open {what}");
    }

    private static FileState? StateOf(int folder, string path, int flags)
    {
        if (StatusOf(folder, path, flags, BasicStats, out Status status) == 0)
        {
            return new FileState(
                (FileKind)(status.Mode & KindMask), (UnixFileMode)(status.Mode & 0xFFF), status.User, status.Group,
                (((ulong)status.DeviceMajor << 32) | status.DeviceMinor, status.Inode), (long)status.Blocks * BlockBytes);
        }
        int error = Marshal.GetLastPInvokeError();
        return error is NoEntry or NotADirectory ? null : throw Failure(error, $"stat {path}");
    }

    private static void ChangeOwner(int folder, string path, long? user, long? group, int flags)
    {
        if (ChangeOwnerAt(folder, path, user is { } u ? (uint)u : Unchanged, group is { } g ? (uint)g : Unchanged, flags) != 0)
            throw Failure(Marshal.GetLastPInvokeError(), $"chown {path}");
    }

    private static int Number(SafeFileHandle file) => (int)file.DangerousGetHandle();

    private static IOException Failure(int error, string call) => new($"{call}: {new Win32Exception(error).Message}", error);

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    /// <summary>struct statx, as much as is looked at.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Status
    {
        [FieldOffset(20)]
        public uint User;
        [FieldOffset(24)]
        public uint Group;
        [FieldOffset(28)]
        public ushort Mode;
        [FieldOffset(32)]
        public ulong Inode;
        [FieldOffset(48)]
        public ulong Blocks;
        [FieldOffset(136)]
        public uint DeviceMajor;
        [FieldOffset(140)]
        public uint DeviceMinor;
    }

    /// <summary>struct statvfs of the 64-bit kernels, as much as is looked at.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    private struct Space
    {
        public ulong BlockBytes;
        public ulong FragmentBytes;
        public ulong Blocks;
        public ulong FreeBlocks;
        public ulong AvailableBlocks;
        public ulong Inodes;
        public ulong FreeInodes;
    }

    [DllImport("libc", EntryPoint = "statvfs", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SpaceOf([MarshalAs(UnmanagedType.LPUTF8Str)] string path, out Space space);

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint SystemCall(nint number, nint folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, ref OpenHow how, nuint size);

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int StatusOf(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, out Status status);

    [DllImport("libc", EntryPoint = "chmod", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeModeOf([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

    [DllImport("libc", EntryPoint = "rename", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int RenameFile([MarshalAs(UnmanagedType.LPUTF8Str)] string from, [MarshalAs(UnmanagedType.LPUTF8Str)] string to);

    [DllImport("libc", EntryPoint = "mkdirat", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MakeDirectoryAt(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, uint mode);

    [DllImport("libc", EntryPoint = "fchownat", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeOwnerAt(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint user, uint group, int flags);

    [DllImport("libc", EntryPoint = "mount", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Mount(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string? source, [MarshalAs(UnmanagedType.LPUTF8Str)] string target,
        [MarshalAs(UnmanagedType.LPUTF8Str)] string? kind, nuint flags, [MarshalAs(UnmanagedType.LPUTF8Str)] string? options);

    [DllImport("libc", EntryPoint = "umount2", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int UnmountWith([MarshalAs(UnmanagedType.LPUTF8Str)] string target, int flags);
}
