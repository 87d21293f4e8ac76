using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace KvStore.Chaos.Rig;

/// <summary>A network device whose other end is this process: frames are read and written. It is gone once it is disposed of.</summary>
internal sealed partial class TapDevice : IDisposable
{
    private const int ReadWrite = 2, CloseOnExec = 0x80000;
    private const nuint SetInterface = 0x400454CA; // TUNSETIFF
    private const short Tap = 0x0002, WithoutPacketInformation = 0x1000; // IFF_TAP, IFF_NO_PI
    private const short ReadyToRead = 1; // POLLIN

    private readonly int _descriptor;

    public TapDevice(string name)
    {
        _descriptor = Check(Open("/dev/net/tun", ReadWrite | CloseOnExec), "open /dev/net/tun");
        // struct ifreq: the name in 16 bytes, then flags.
        Span<byte> request = stackalloc byte[40];
        request.Clear();
        Encoding.ASCII.GetBytes(name, request);
        MemoryMarshal.Write(request[16..], (short)(Tap | WithoutPacketInformation));
        Check(Control(_descriptor, SetInterface, ref MemoryMarshal.GetReference(request)), $"TUNSETIFF {name}");
    }

    /// <returns>The length of the frame; 0 if none came within the time.</returns>
    public unsafe int Read(Span<byte> buffer, int waitMilliseconds)
    {
        var poll = new PollDescriptor { Descriptor = _descriptor, Events = ReadyToRead };
        if (Poll(ref poll, 1, waitMilliseconds) <= 0)
            return 0;
        fixed (byte* start = buffer)
            return Math.Max(0, (int)ReadBytes(_descriptor, start, (nuint)buffer.Length));
    }

    /// <summary>A frame that the kernel does not take is lost, as frames are.</summary>
    public unsafe void Write(ReadOnlySpan<byte> frame)
    {
        fixed (byte* start = frame)
            WriteBytes(_descriptor, start, (nuint)frame.Length);
    }

    public void Dispose() => Close(_descriptor);

    private static int Check(int result, string call) => result >= 0
        ? result
        : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{call}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int descriptor, nuint request, ref byte argument);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static unsafe partial nint ReadBytes(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint WriteBytes(int descriptor, byte* buffer, nuint count);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Occurred;
    }
}
