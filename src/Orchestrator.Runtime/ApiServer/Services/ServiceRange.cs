using System.Globalization;
using System.Net;
using System.Numerics;

namespace Orchestrator.Runtime.ApiServer.Services;

/// <summary>The addresses that services may have.</summary>
internal sealed class ServiceRange
{
    private readonly BigInteger _base;
    private readonly int _bits;

    /// <param name="cidr"><c>10.96.0.0/16</c></param>
    /// <exception cref="FormatException">It is no network.</exception>
    public ServiceRange(string cidr)
    {
        Network = IPNetwork.Parse(cidr);
        int length = Network.BaseAddress.GetAddressBytes().Length * 8;
        _bits = length - Network.PrefixLength;
        _base = new BigInteger(Network.BaseAddress.GetAddressBytes(), isUnsigned: true, isBigEndian: true);
    }

    public IPNetwork Network { get; }

    public bool IsIPv6 => Network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;

    /// <summary>Without the network's own address, and for IPv4 without the broadcast address; at most 2^16 are used.</summary>
    public int Size => (int)Math.Min(1L << Math.Min(_bits, 16), 1L << 16) - (IsIPv6 ? 1 : 2);

    /// <summary>The service <c>kubernetes</c> has it.</summary>
    public IPAddress First => At(0);

    /// <summary>Addresses from here on are given to who asks for none in particular; those before it are for who names one.</summary>
    public int DynamicStart => Math.Min(Math.Max(16, Size / 16), 256) is var offset && offset < Size ? offset : 0;

    /// <param name="index">From 0.</param>
    public IPAddress At(int index)
    {
        byte[] bytes = (_base + index + 1).ToByteArray(isUnsigned: true, isBigEndian: true);
        int length = Network.BaseAddress.GetAddressBytes().Length;
        return new IPAddress([.. new byte[length - bytes.Length], .. bytes]);
    }

    public bool Contains(IPAddress address) =>
        Network.Contains(address) && !address.Equals(Network.BaseAddress)
        && (IsIPv6 || !IsBroadcast(address));

    private bool IsBroadcast(IPAddress address) =>
        new BigInteger(address.GetAddressBytes(), isUnsigned: true, isBigEndian: true) == _base + (BigInteger.One << _bits) - 1;

    public override string ToString() => Network.ToString()!.ToString(CultureInfo.InvariantCulture);
}
