namespace KvStore.Server.Bench.Http2;

/// <summary>The connection cannot go on: the peer broke the protocol, sent GOAWAY or closed the socket.</summary>
internal sealed class Http2Exception(string message) : Exception(message)
{
    /// <summary>RFC 9113's name of an error code, so that a report can be understood without the table at hand.</summary>
    public static string NameOf(uint errorCode) => errorCode switch
    {
        0x0 => "NO_ERROR",
        0x1 => "PROTOCOL_ERROR",
        0x2 => "INTERNAL_ERROR",
        0x3 => "FLOW_CONTROL_ERROR",
        0x4 => "SETTINGS_TIMEOUT",
        0x5 => "STREAM_CLOSED",
        0x6 => "FRAME_SIZE_ERROR",
        0x7 => "REFUSED_STREAM",
        0x8 => "CANCEL",
        0x9 => "COMPRESSION_ERROR",
        0xa => "CONNECT_ERROR",
        0xb => "ENHANCE_YOUR_CALM",
        0xc => "INADEQUATE_SECURITY",
        0xd => "HTTP_1_1_REQUIRED",
        _ => $"error code {errorCode}",
    };
}
