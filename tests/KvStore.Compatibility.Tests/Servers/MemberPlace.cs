using KvStore.Testing;

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
    public static MemberPlace Find(string name) =>
        new(name, FreePort.Find(), FreePort.Find(), Directory.CreateTempSubdirectory("kvstore-compatibility-").FullName);

    public void Clear() => Directory.Delete(Folder, recursive: true);
}
