namespace KvStore.Storage.Disks;

/// <summary>The file system (or the quota of its user) has no room for a write.</summary>
public sealed class DiskFullException(string message, Exception? inner = null) : IOException(message, inner);
