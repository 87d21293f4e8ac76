namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>The limits of one SPDY connection.</summary>
public sealed record SpdyOptions
{
    public static SpdyOptions Default { get; } = new();

    /// <summary>Streams that the peer may have open; one more is refused (RST_STREAM, REFUSED_STREAM).</summary>
    public int StreamLimit { get; init; } = 1000;

    /// <summary>Unread bytes kept for one stream. Beyond them the connection is not read until the stream is.</summary>
    public int StreamBufferBytes { get; init; } = 1024 * 1024;

    /// <summary>
    /// Tells the peer of our windows from the start. Off by default: the peers that are left know no flow control, and
    /// the transport's own does for both.
    /// </summary>
    public bool AnnouncesWindows { get; init; }

    /// <summary>
    /// The peer's RST_STREAM with CANCEL is the end of what it sent, not its withdrawal: servers in Go close a session so, with
    /// the last bytes still on their way.
    /// </summary>
    public bool TakesCancelForEnd { get; init; }
}
