using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace KvStore.Server.Bench.Load;

/// <summary>Linux' epoll, level-triggered: the cost of a wait does not grow with the number of idle sockets.</summary>
/// <remarks>
/// The runtime's own asynchronous sockets would hand each read to another thread, which costs more than the read.
/// </remarks>
internal sealed partial class EpollPoller : SocketPoller
{
    private const int CloseOnExec = 0x80000;
    private const int AddSocket = 1, ModifySocket = 3;
    private const uint Readable = 0x1, Writable = 0x4;
    private const int Interrupted = 4;
    private const int EventLimit = 256;

    /// <summary>The kernel's <c>struct epoll_event</c> has no gap between mask and data on x86-64 only.</summary>
    private static readonly int _dataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int _eventSize = _dataOffset + 8;

    private readonly byte[] _events = new byte[EventLimit * _eventSize];
    private readonly int _epoll = Check(epoll_create1(CloseOnExec));
    private bool _hasFineTimeouts = true;

    public override void Add(Socket socket, int token) => Control(AddSocket, socket, Readable, token);

    public override void WatchOutput(Socket socket, int token, bool isWanted) =>
        Control(ModifySocket, socket, isWanted ? Readable | Writable : Readable, token);

    public override unsafe int Wait(Span<int> ready, TimeSpan timeout)
    {
        int count;
        fixed (byte* events = _events)
            count = WaitOnce(events, Math.Min(ready.Length, EventLimit), timeout);
        if (count < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            return error == Interrupted ? 0 : throw new Win32Exception(error);
        }
        for (int i = 0; i < count; i++)
            ready[i] = BitConverter.ToInt32(_events, i * _eventSize + _dataOffset);
        return count;
    }

    public override void Dispose() => _ = close(_epoll);

    /// <summary>A paced load is due at microseconds: a wait in whole milliseconds would show as latency of the server.</summary>
    private unsafe int WaitOnce(byte* events, int limit, TimeSpan timeout)
    {
        if (_hasFineTimeouts)
        {
            try
            {
                long* secondsAndNanoseconds = stackalloc long[2];
                secondsAndNanoseconds[0] = timeout.Ticks / TimeSpan.TicksPerSecond;
                secondsAndNanoseconds[1] = timeout.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;
                return epoll_pwait2(_epoll, events, limit, secondsAndNanoseconds, null);
            }
            catch (EntryPointNotFoundException)
            {
                _hasFineTimeouts = false; // A C library of before 2021.
            }
        }
        return epoll_wait(_epoll, events, limit, (int)Math.Ceiling(timeout.TotalMilliseconds));
    }

    private unsafe void Control(int operation, Socket socket, uint mask, int token)
    {
        byte* description = stackalloc byte[16];
        *(uint*)description = mask;
        *(long*)(description + _dataOffset) = token;
        Check(epoll_ctl(_epoll, operation, (int)socket.SafeHandle.DangerousGetHandle(), description));
    }

    private static int Check(int result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int epoll_ctl(int epoll, int operation, int socket, byte* description);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int epoll_wait(int epoll, byte* events, int limit, int timeoutMilliseconds);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int epoll_pwait2(int epoll, byte* events, int limit, long* timeout, void* signals);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int descriptor);
}
