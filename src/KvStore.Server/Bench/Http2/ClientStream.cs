namespace KvStore.Server.Bench.Http2;

/// <summary>One call on a <see cref="ClientConnection"/>; the object may be used for the next call once it is closed.</summary>
/// <remarks>Called by the thread that owns the connection. <c>now</c> is the timestamp at which the bytes were read.</remarks>
internal abstract class ClientStream
{
    public int Id { get; internal set; }

    /// <summary>
    /// What the peer still takes on this stream (RFC 9113, §6.9); negative after it lowered its initial window.
    /// </summary>
    internal int SendWindow { get; set; }

    /// <summary>Received since our last WINDOW_UPDATE for this stream.</summary>
    internal int UnacknowledgedBytes { get; set; }

    /// <summary>Request bytes that wait for a window.</summary>
    internal List<byte> Unsent { get; } = [];

    /// <summary>Our side ends with the last byte of <see cref="Unsent"/>, or has ended when there is none.</summary>
    internal bool EndsRequest { get; set; }

    internal bool HasResponseHeaders { get; set; }

    public abstract void OnData(ReadOnlySpan<byte> data, long now);

    public abstract void OnClosed(in CallOutcome outcome, long now);

    internal void Reset(int id, int sendWindow)
    {
        Id = id;
        SendWindow = sendWindow;
        UnacknowledgedBytes = 0;
        Unsent.Clear();
        EndsRequest = false;
        HasResponseHeaders = false;
    }
}
