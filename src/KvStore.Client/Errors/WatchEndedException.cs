using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>The end of a watch that the server does not go on with, for want of permission say; the text is its reason.</summary>
public sealed class WatchEndedException(StatusCode code, string reason, string? endpoint, Exception? cause = null)
    : EtcdException(code, reason, endpoint, cause);
