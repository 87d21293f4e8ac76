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

/// <summary>Etcd where the lane has it, for what our server does not have yet; in the fast lane nothing.</summary>
public sealed class EtcdOnly : TheoryData<ServerKind>
{
    public EtcdOnly()
    {
        if (!Lanes.IsFast)
            Add(ServerKind.Etcd);
    }
}
