namespace KvStore.Server.Configuration;

public enum InitialClusterState
{
    /// <summary>The first start makes the cluster.</summary>
    New,

    /// <summary>The first start joins a cluster that has added this member.</summary>
    Existing,
}
