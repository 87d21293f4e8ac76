namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>The peer broke SPDY's rules; the connection cannot go on.</summary>
public sealed class SpdyException(string message) : IOException(message);
