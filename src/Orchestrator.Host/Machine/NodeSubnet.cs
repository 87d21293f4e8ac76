using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Orchestrator.Host.Machine;

/// <summary>The small network between the machine and a node: the first address is the machine's, the second the node's.</summary>
internal readonly record struct NodeSubnet(IPNetwork Network)
{
    private const int PrefixBits = 24;
    private const int FirstThird = 49;
    private const int LastThird = 254;

    public IPAddress HostAddress => At(1);

    public IPAddress NodeAddress => At(2);

    /// <exception cref="CommandException">It is no network of this size.</exception>
    public static NodeSubnet Parse(string text) =>
        IPNetwork.TryParse(text, out var network) && network.BaseAddress.AddressFamily == AddressFamily.InterNetwork && network.PrefixLength <= 30
            ? new NodeSubnet(network)
            : throw new CommandException($"--node-subnet: \"{text}\" is no IPv4 network with room for two addresses: give one like 192.168.49.0/24");

    /// <summary>The first that none of the machine's links has part in.</summary>
    /// <exception cref="CommandException">All are taken.</exception>
    public static NodeSubnet Free() => Free([.. NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(link => link.GetIPProperties().UnicastAddresses)
        .Where(unicast => unicast.Address.AddressFamily == AddressFamily.InterNetwork)
        .Select(unicast => new IPNetwork(Masked(unicast.Address, unicast.PrefixLength), unicast.PrefixLength))]);

    /// <inheritdoc cref="Free()"/>
    internal static NodeSubnet Free(IReadOnlyList<IPNetwork> taken)
    {
        for (int third = FirstThird; third <= LastThird; third++)
        {
            var network = new IPNetwork(new IPAddress([192, 168, (byte)third, 0]), PrefixBits);
            if (!taken.Any(other => other.Contains(network.BaseAddress) || network.Contains(other.BaseAddress)))
                return new NodeSubnet(network);
        }
        throw new CommandException("no network between 192.168.49.0/24 and 192.168.254.0/24 is free for the node: give one with --node-subnet");
    }

    public override string ToString() => Network.ToString();

    private static IPAddress Masked(IPAddress address, int bits)
    {
        byte[] bytes = address.GetAddressBytes();
        for (int bit = bits; bit < 32; bit++)
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return new IPAddress(bytes);
    }

    private IPAddress At(byte number)
    {
        byte[] bytes = Network.BaseAddress.GetAddressBytes();
        bytes[3] += number;
        return new IPAddress(bytes);
    }
}
