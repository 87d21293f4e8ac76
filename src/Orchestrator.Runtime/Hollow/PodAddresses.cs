using System.Buffers.Binary;
using System.Globalization;
using System.Net;

namespace Orchestrator.Runtime.Hollow;

/// <summary>Hands out the addresses of a range, one after another, those given back only when it is their turn again.</summary>
/// <remarks>The network's own address, the first (the bridge's) and the last (broadcast) are nobody's. Not thread-safe.</remarks>
internal sealed class PodAddresses
{
    private readonly uint _first;
    private readonly uint _count;
    private readonly HashSet<uint> _used = [];
    private uint _next;

    /// <exception cref="FormatException">It is no IPv4 range with room for a pod.</exception>
    public PodAddresses(string cidr)
    {
        string[] parts = cidr.Split('/');
        if (parts.Length != 2 || !IPAddress.TryParse(parts[0], out IPAddress? network) || network.GetAddressBytes().Length != 4
            || !int.TryParse(parts[1], CultureInfo.InvariantCulture, out int bits) || bits is < 1 or > 29)
            throw new FormatException($"{cidr} is no range of IPv4 addresses for pods");
        uint size = 1u << (32 - bits);
        _first = (BinaryPrimitives.ReadUInt32BigEndian(network.GetAddressBytes()) & ~(size - 1)) + 2;
        _count = size - 3;
    }

    /// <returns>Null when all are in use.</returns>
    public string? Take()
    {
        for (uint i = 0; i < _count; i++)
        {
            uint offset = _next;
            _next = (_next + 1) % _count;
            if (_used.Add(offset))
                return Text(_first + offset);
        }
        return null;
    }

    public void Return(string address)
    {
        uint number = BinaryPrimitives.ReadUInt32BigEndian(IPAddress.Parse(address).GetAddressBytes());
        _used.Remove(number - _first); // Of another range (the node got a new one): no matter.
    }

    private static string Text(uint address)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, address);
        return new IPAddress(bytes).ToString();
    }
}
