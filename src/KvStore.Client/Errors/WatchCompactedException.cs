using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>The end of a watch whose next events have been compacted away: there is a gap that nothing can fill.</summary>
/// <remarks>Read the keys anew and watch from the revision of that answer plus one.</remarks>
public sealed class WatchCompactedException(long compactRevision, string? endpoint)
    : EtcdException(StatusCode.OutOfRange, EtcdErrors.Compacted, endpoint)
{
    /// <summary>The oldest revision that a watch may start at.</summary>
    public long CompactRevision => compactRevision;
}
