using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Proxy.Netfilter;

/// <summary>Asks the kernel's packet filter over netlink, in the namespace in which it was opened.</summary>
/// <remarks>
/// <code>
/// message   length:4  type:2 (subsystem, command)  flags:2  sequence:4  port:4 | family:1 version:1 resource:2 | attributes
/// attribute length:2 (with these four bytes)  type:2  value, filled up to a multiple of four
/// </code>
/// Lengths and types are in the machine's order, values in the network's. One question at a time; answers come at once.
/// </remarks>
internal sealed class NetfilterSocket : IDisposable
{
    public const ushort Request = 0x1, Acknowledge = 0x4, Dump = 0x300;

    private const int NetlinkFamily = 16, RawSocket = 3, CloseOnExec = 0x80000, NetfilterProtocol = 12;
    private const int SocketLevel = 1, ReceiveTimeout = 20;
    private const int HeaderLength = 16, FamilyHeaderLength = 4;
    private const ushort ErrorType = 2, DoneType = 3;
    private const int PatienceSeconds = 5;
    private const int Interrupted = 4;

    private readonly SafeFileHandle _handle;
    private readonly byte[] _buffer = new byte[1 << 16];
    private uint _sequence;

    private NetfilterSocket(SafeFileHandle handle) => _handle = handle;

    /// <exception cref="ServiceProxyException">The system does not have it, or not for us.</exception>
    public static async Task<NetfilterSocket> OpenAsync(NetworkNamespace? network)
    {
        try
        {
            return network is null ? Open() : await network.RunAsync(Open);
        }
        catch (Exception e) when (e is IOException or Win32Exception)
        {
            throw new ServiceProxyException($"cannot ask the kernel's packet filter: {e.Message}");
        }
    }

    /// <summary>Sends one request and calls <paramref name="read"/> with the attributes of each answer.</summary>
    /// <exception cref="Win32Exception">The kernel refuses.</exception>
    public void Ask(ushort type, ushort flags, byte family, ReadOnlySpan<byte> attributes, Action<ReadOnlyMemory<byte>> read)
    {
        byte[] message = new byte[HeaderLength + FamilyHeaderLength + attributes.Length];
        MemoryMarshal.Write(message, message.Length);
        MemoryMarshal.Write(message.AsSpan(4), type);
        MemoryMarshal.Write(message.AsSpan(6), flags);
        MemoryMarshal.Write(message.AsSpan(8), ++_sequence);
        message[HeaderLength] = family;
        attributes.CopyTo(message.AsSpan(HeaderLength + FamilyHeaderLength));
        if (Send(_handle, message, (nuint)message.Length, 0) < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        // A dump and an acknowledged command say when they are done; a plain question has one answer.
        bool hasEnd = (flags & (Acknowledge | Dump)) != 0;
        while (!ReadAnswers(read, hasEnd))
        {
        }
    }

    /// <summary>Adds an attribute to a message.</summary>
    public static byte[] Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        byte[] attribute = new byte[(4 + value.Length + 3) & ~3];
        MemoryMarshal.Write(attribute, (ushort)(4 + value.Length));
        MemoryMarshal.Write(attribute.AsSpan(2), type);
        value.CopyTo(attribute.AsSpan(4));
        return attribute;
    }

    /// <summary>The value of the first attribute of a type; empty if there is none.</summary>
    public static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> attributes, ushort type)
    {
        const int TypeMask = 0x3fff; // Two bits say "nested" and "network order".
        while (attributes.Length >= 4)
        {
            int length = MemoryMarshal.Read<ushort>(attributes);
            if (length < 4 || length > attributes.Length)
                break;
            if ((MemoryMarshal.Read<ushort>(attributes[2..]) & TypeMask) == type)
                return attributes[4..length];
            attributes = attributes[Math.Min((length + 3) & ~3, attributes.Length)..];
        }
        return default;
    }

    public void Dispose() => _handle.Dispose();

    private static NetfilterSocket Open()
    {
        int descriptor = MakeSocket(NetlinkFamily, RawSocket | CloseOnExec, NetfilterProtocol);
        if (descriptor < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        // An answer that was lost must not hold the proxy for ever.
        byte[] time = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(time, PatienceSeconds);
        _ = SetOption(handle, SocketLevel, ReceiveTimeout, time, (uint)time.Length);
        return new NetfilterSocket(handle);
    }

    /// <returns>Whether that was the last.</returns>
    private bool ReadAnswers(Action<ReadOnlyMemory<byte>> read, bool hasEnd)
    {
        int received;
        while ((received = (int)Receive(_handle, _buffer, (nuint)_buffer.Length, 0)) < 0)
        {
            // A signal, of a child's end say, ends a wait that has a limit, whatever is agreed on for others.
            if (Marshal.GetLastPInvokeError() is var error and not Interrupted)
                throw new Win32Exception(error);
        }
        var rest = _buffer.AsMemory(0, received);
        bool isLast = !hasEnd;
        while (rest.Length >= HeaderLength)
        {
            int length = MemoryMarshal.Read<int>(rest.Span);
            if (length < HeaderLength || length > rest.Length)
                break;
            ushort type = MemoryMarshal.Read<ushort>(rest.Span[4..]);
            // What an earlier question, given up in the meantime, is answered late.
            bool isOurs = MemoryMarshal.Read<uint>(rest.Span[8..]) == _sequence;
            if (!isOurs)
                isLast = false;
            else if (type == ErrorType)
            {
                int error = -MemoryMarshal.Read<int>(rest.Span[HeaderLength..]);
                return error == 0 ? true : throw new Win32Exception(error);
            }
            else if (type == DoneType)
                return true;
            else if (length >= HeaderLength + FamilyHeaderLength)
                read(rest[(HeaderLength + FamilyHeaderLength)..length]);
            rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        }
        return isLast;
    }

    [DllImport("libc", EntryPoint = "socket", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MakeSocket(int family, int type, int protocol);

    [DllImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetOption(SafeFileHandle handle, int level, int option, byte[] value, uint length);

    [DllImport("libc", EntryPoint = "send", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Send(SafeFileHandle handle, byte[] message, nuint length, int flags);

    [DllImport("libc", EntryPoint = "recv", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Receive(SafeFileHandle handle, byte[] buffer, nuint length, int flags);
}
