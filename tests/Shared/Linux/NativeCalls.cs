using System.ComponentModel;
using System.Runtime.InteropServices;

namespace KvStore.Testing.Linux;

/// <summary>What the tests ask of Linux that .NET has no call for.</summary>
internal static partial class NativeCalls
{
    private const int KillAtOnce = 9, Terminate = 15, Continue = 18, Stop = 19;

    // kill(2): every process that may be signalled, but the caller and the first of its process namespace.
    private const int EveryProcess = -1;
    private const int NoSuchProcess = 3;
    private const int OpenDirectory = 0x10000;
    private const int CloseOnExec = 0x80000;

    // _IOR('X', 125, uint32): ext4 refuses everything from now on, as a disk does that lost its power.
    private const nuint Ext4Shutdown = 0x8004587D;

    // EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal is written out.
    private const uint WithoutLogFlush = 2;

    public static void SendTerminate(int processId) => Check(Kill(processId, Terminate), $"kill -TERM {processId}");

    /// <summary>Holds the process where it is, as a machine that is out of memory or suspended does.</summary>
    public static void SendStop(int processId) => Check(Kill(processId, Stop), $"kill -STOP {processId}");

    public static void SendContinue(int processId) => Check(Kill(processId, Continue), $"kill -CONT {processId}");

    /// <summary>Kills all other processes of this process namespace; only the first of one that is not the machine's may ask
    /// for it.</summary>
    public static void KillAllOthers()
    {
        if (Environment.ProcessId != 1)
            throw new InvalidOperationException("this process is not the first of a process namespace of its own");
        if (Kill(EveryProcess, KillAtOnce) < 0 && Marshal.GetLastPInvokeError() is var error and not NoSuchProcess)
            throw new Win32Exception(error, "kill -KILL -1");
    }

    /// <summary>Cuts the power of the ext4 file system that is mounted here: what is not on its device by now never will be.</summary>
    public static void CutPower(string mountPoint)
    {
        int directory = Open(mountPoint, OpenDirectory | CloseOnExec);
        Check(directory, $"open '{mountPoint}'");
        try
        {
            uint flag = WithoutLogFlush;
            Check(ControlDevice(directory, Ext4Shutdown, ref flag), $"ioctl EXT4_IOC_SHUTDOWN of '{mountPoint}'");
        }
        finally
        {
            Check(Close(directory), "close");
        }
    }

    private static void Check(int result, string call)
    {
        if (result < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{call}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int ControlDevice(int descriptor, nuint request, ref uint argument);
}
