namespace KvStore.Server.Peers;

/// <summary>Names in the HTTP requests between members. Those that etcd has too are etcd's.</summary>
internal static class PeerProtocol
{
    /// <summary>Raised whenever frames or messages change; members that differ in it do not talk.</summary>
    public const int Version = 1;

    public const string StreamPath = "/raft/stream";
    public const string SnapshotPath = "/raft/snapshot";

    /// <summary>What the connection is upgraded to, followed by a slash and the version.</summary>
    public const string StreamProtocol = "kvstore-raft";
    public const string SnapshotProtocol = "kvstore-snapshot";

    public const string ClusterId = "X-Etcd-Cluster-ID";
    public const string From = "X-Server-From";
    public const string To = "X-Raft-To";
    public const string ServerVersion = "X-Server-Version";
    public const string Directory = "X-Data-Directory";
    public const string PeerUrls = "X-PeerURLs";
    public const string RefusalCode = "X-Refusal";
}
