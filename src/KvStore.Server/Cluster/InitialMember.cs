using KvStore.Server.Configuration;

namespace KvStore.Server.Cluster;

/// <summary>A member as <c>--initial-cluster</c> names it.</summary>
public sealed record InitialMember(string Name, IReadOnlyList<EtcdUrl> PeerUrls);
