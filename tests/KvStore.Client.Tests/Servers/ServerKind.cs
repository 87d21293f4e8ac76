namespace KvStore.Client.Tests.Servers;

public enum ServerKind
{
    /// <summary>Ours.</summary>
    KvStore,

    /// <summary>The real one: a client that fits it fits what ours is to be.</summary>
    Etcd,
}
