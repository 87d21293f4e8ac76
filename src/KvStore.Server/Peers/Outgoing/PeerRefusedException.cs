namespace KvStore.Server.Peers.Outgoing;

/// <summary>The peer was reached, and does not take the call.</summary>
internal sealed class PeerRefusedException(string code, string message) : Exception(message)
{
    /// <summary>One of <see cref="Refusal"/>'s codes; the HTTP status where another server answered.</summary>
    public string Code { get; } = code;
}
