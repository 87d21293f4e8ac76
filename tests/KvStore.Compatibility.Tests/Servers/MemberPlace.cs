using System.Net;
using System.Net.Sockets;

namespace KvStore.Compatibility.Tests.Servers;

/// <summary>Where a member runs: its ports and its directory.</summary>
internal sealed record MemberPlace(string Name, int ClientPort, int PeerPort, string Folder)
{
    /// <summary>host:port for clients.</summary>
    public string Endpoint => $"127.0.0.1:{ClientPort}";

    public string PeerUrl => $"http://127.0.0.1:{PeerPort}";

    /// <summary>What <c>--initial-cluster</c> says of it.</summary>
    public string InitialUrl => $"{Name}={PeerUrl}";

    public string DataDirectory => Path.Combine(Folder, "member.kvstore");

    /// <summary>A directory of its own, and two ports that were free a moment ago.</summary>
    public static MemberPlace Find(string name)
    {
        using var client = new TcpListener(IPAddress.Loopback, 0);
        using var peer = new TcpListener(IPAddress.Loopback, 0);
        client.Start();
        peer.Start();
        return new MemberPlace(name, ((IPEndPoint)client.LocalEndpoint).Port, ((IPEndPoint)peer.LocalEndpoint).Port,
            Directory.CreateTempSubdirectory("kvstore-compatibility-").FullName);
    }

    public void Clear() => Directory.Delete(Folder, recursive: true);
}
