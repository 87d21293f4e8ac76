using KvStore.Raft;

namespace KvStore.Server.Peers.Incoming;

/// <summary>Who calls, once it has been checked.</summary>
internal sealed record Caller(NodeId Id, ulong DirectoryId, IReadOnlyList<string> PeerUrls, string ServerVersion);
