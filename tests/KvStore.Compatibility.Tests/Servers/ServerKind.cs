namespace KvStore.Compatibility.Tests.Servers;

internal enum ServerKind
{
    /// <summary>The real etcd, whose answers are right by definition.</summary>
    Etcd,

    /// <summary>Ours.</summary>
    KvStore,
}
