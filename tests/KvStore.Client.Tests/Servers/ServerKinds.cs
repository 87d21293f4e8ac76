using KvStore.Testing;

namespace KvStore.Client.Tests.Servers;

/// <summary>The servers that a test runs against: both, but in the fast lane ours alone.</summary>
public sealed class ServerKinds : TheoryData<ServerKind>
{
    public ServerKinds()
    {
        Add(ServerKind.KvStore);
        if (!Lanes.IsFast)
            Add(ServerKind.Etcd);
    }
}
