namespace KvStore.Server.Peers.Snapshots;

/// <summary>A snapshot cannot be brought to the peer, and trying again would not change that.</summary>
internal sealed class SnapshotRefusedException(string message) : Exception(message);
