using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvStore.Storage.Disks;

/// <summary>Everything the store asks of an operating system that .NET has no portable call for; nothing else may.</summary>
/// <remarks>
/// Elsewhere than on Linux and macOS each call falls back to what .NET offers: a full flush of the file, no sync of directories
/// (NTFS journals names by itself), locking by refusing to share the file.
/// </remarks>
internal static partial class PlatformCalls
{
    private static int ErrorWouldBlock => OperatingSystem.IsMacOS() ? 35 : 11;

    private static bool IsUnix => OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();

    /// <summary>Waits until the file's bytes, and the length needed to read them, are on the device.</summary>
    public static void SyncData(SafeFileHandle file, string path)
    {
        if (OperatingSystem.IsLinux())
            Check(RetryInterrupted(() => Fdatasync(file)), "fdatasync", path);
        else if (OperatingSystem.IsMacOS())
            SyncDataOnMac(file, path);
        else
            RandomAccess.FlushToDisk(file);
    }

    /// <summary>Starts writing what is in the page cache, where there is a call for it; errors show at the next sync.</summary>
    public static void BeginWriteback(SafeFileHandle file, long offset, long length)
    {
        if (OperatingSystem.IsLinux())
            _ = SyncFileRange(file, offset, length, SyncFileRangeWrite);
    }

    /// <summary>Makes the names in a directory durable.</summary>
    public static void SyncDirectory(string path)
    {
        if (!IsUnix)
            return;
        using var directory = OpenDirectory(path);
        Check(RetryInterrupted(() => Fsync(directory)), "fsync", path);
    }

    /// <returns>The handle that holds the lock as long as it is open; null when another process (or handle) holds it.</returns>
    public static IDisposable? TryLock(string path) => IsUnix ? TryLockOnUnix(path) : TryOpenUnshared(path);

    /// <summary>Whether the error says that the file system, or the quota of its user, has no room.</summary>
    public static bool IsDiskFull(IOException error) => error.HResult is
        ErrorNoSpace or LinuxErrorQuota or MacErrorQuota or WindowsDiskFull or WindowsHandleDiskFull;

    // Since F_FULLFSYNC is not known to every file system (network ones), fsync is the next best there.
    private static void SyncDataOnMac(SafeFileHandle file, string path)
    {
        if (RetryInterrupted(() => Fcntl(file, MacFullSync)) != 0)
            Check(RetryInterrupted(() => Fsync(file)), "fsync", path);
    }

    private static SafeFileHandle OpenDirectory(string path)
    {
        int flags = OperatingSystem.IsMacOS() ? MacCloseOnExec : LinuxDirectory | LinuxCloseOnExec;
        int descriptor = RetryInterrupted(() => Open(path, flags));
        if (descriptor < 0)
            Check(descriptor, "open", path);
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    // .NET keeps others out by flock itself on Unix, but says nothing where the file system cannot lock: so ask once more there.
    private static FileStream? TryLockOnUnix(string path)
    {
        if (TryOpenUnshared(path) is not { } stream)
            return null;
        if (RetryInterrupted(() => Flock(stream.SafeFileHandle, LockExclusive | LockWithoutWaiting)) == 0)
            return stream;
        int error = Marshal.GetLastPInvokeError();
        stream.Dispose();
        return error == ErrorWouldBlock ? null : throw Failure("flock", path, error);
    }

    private static FileStream? TryOpenUnshared(string path)
    {
        try
        {
            return new FileStream(path, RealFile.StreamOptions(FileMode.OpenOrCreate, FileShare.None));
        }
        catch (IOException error) when (error.HResult == WindowsSharingViolation || error.HResult == ErrorWouldBlock)
        {
            return null;
        }
    }

    // A signal may interrupt any of these calls; .NET installs its handlers with SA_RESTART, a library in the process may not.
    private static int RetryInterrupted(Func<int> call)
    {
        int result;
        do
            result = call();
        while (result == -1 && Marshal.GetLastPInvokeError() == ErrorInterrupted);
        return result;
    }

    private static void Check(int result, string call, string path)
    {
        if (result != 0)
            throw Failure(call, path, Marshal.GetLastPInvokeError());
    }

    private static IOException Failure(string call, string path, int error)
    {
        string message = $"{call} of '{path}' failed: {new Win32Exception(error).Message} (errno {error})";
        var failure = new IOException(message, error);
        return IsDiskFull(failure) ? new DiskFullException(message, failure) : failure;
    }

    private const int ErrorInterrupted = 4;
    private const int ErrorNoSpace = 28;
    private const int LinuxErrorQuota = 122;
    private const int MacErrorQuota = 69;
    private const int WindowsSharingViolation = unchecked((int)0x80070020);
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    private const int LinuxDirectory = 0x10000;
    private const int LinuxCloseOnExec = 0x80000;
    private const int MacCloseOnExec = 0x1000000;
    private const int MacFullSync = 51;
    private const uint SyncFileRangeWrite = 2;
    private const int LockExclusive = 2;
    private const int LockWithoutWaiting = 4;

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int Fdatasync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    private static partial int SyncFileRange(SafeFileHandle file, long offset, long length, uint flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Fcntl(SafeFileHandle file, int command);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
