namespace KvStore.Server.Peers.Outgoing;

/// <summary>A peer's URL led to no answer.</summary>
internal sealed class PeerUnreachableException(string kind, string message, Exception? inner = null) : IOException(message, inner)
{
    public const string ConnectionKind = "connection";
    public const string TlsKind = "tls";

    /// <summary>What makes one failure like another, so that it is not worth another line in the log.</summary>
    public string Kind { get; } = kind;
}
