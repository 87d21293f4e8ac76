namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>Why a stream was reset: the numbers of RST_STREAM.</summary>
public enum SpdyResetStatus
{
    ProtocolError = 1,
    InvalidStream = 2,
    RefusedStream = 3,
    UnsupportedVersion = 4,
    Cancel = 5,
    InternalError = 6,
    FlowControlError = 7,
    StreamInUse = 8,
    StreamAlreadyClosed = 9,
}
