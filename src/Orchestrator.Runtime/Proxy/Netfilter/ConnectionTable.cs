using System.Buffers.Binary;
using System.ComponentModel;
using System.Net;
using Orchestrator.Control.Proxying;

namespace Orchestrator.Runtime.Proxy.Netfilter;

/// <summary>The conversations that the kernel remembers with how it translates them.</summary>
internal static class ConnectionTable
{
    private const ushort Get = 1 << 8 | 1, Delete = 1 << 8 | 2;
    private const ushort Original = 1, Reply = 2;
    private const ushort AddressPart = 1, ProtocolPart = 2;
    private const ushort ProtocolNumber = 1, SourcePort = 2, DestinationPort = 3;
    private const byte Udp = 17;
    private const int NoSuchEntry = 2;

    /// <summary>Forgets the UDP conversations for which <paramref name="isStale"/> holds.</summary>
    /// <returns>How many.</returns>
    /// <exception cref="Win32Exception">The kernel refuses.</exception>
    public static int ForgetUdp(NetfilterSocket socket, IpFamily family, Func<UdpFlow, bool> isStale)
    {
        byte number = (byte)(family == IpFamily.IPv4 ? 2 : 10);
        var stale = new List<byte[]>();
        socket.Ask(Get, NetfilterSocket.Request | NetfilterSocket.Dump, number, [], answer =>
        {
            var original = NetfilterSocket.Find(answer.Span, Original);
            if (Read(original, NetfilterSocket.Find(answer.Span, Reply), family) is { } flow && isStale(flow))
                stale.Add(NetfilterSocket.Attribute(Original | Nested, original));
        });
        int count = 0;
        foreach (byte[] tuple in stale)
        {
            try
            {
                socket.Ask(Delete, NetfilterSocket.Request | NetfilterSocket.Acknowledge, number, tuple, static _ => { });
                count++;
            }
            catch (Win32Exception e) when (e.NativeErrorCode == NoSuchEntry)
            {
                // It has ended by itself.
            }
        }
        return count;
    }

    private const ushort Nested = 0x8000;

    private static UdpFlow? Read(ReadOnlySpan<byte> original, ReadOnlySpan<byte> reply, IpFamily family)
    {
        var protocol = NetfilterSocket.Find(original, ProtocolPart);
        if (NetfilterSocket.Find(protocol, ProtocolNumber) is not [Udp])
            return null;
        var answering = NetfilterSocket.Find(reply, ProtocolPart);
        ushort source = (ushort)(family == IpFamily.IPv4 ? 1 : 3);
        ushort destination = (ushort)(source + 1);
        return new UdpFlow(
            Address(original, destination), Port(protocol, DestinationPort), Address(reply, source), Port(answering, SourcePort));
    }

    private static string Address(ReadOnlySpan<byte> tuple, ushort type)
    {
        var address = NetfilterSocket.Find(NetfilterSocket.Find(tuple, AddressPart), type);
        return address.Length is 4 or 16 ? new IPAddress(address).ToString() : "";
    }

    private static int Port(ReadOnlySpan<byte> protocol, ushort type) =>
        NetfilterSocket.Find(protocol, type) is { Length: 2 } port ? BinaryPrimitives.ReadUInt16BigEndian(port) : 0;
}
