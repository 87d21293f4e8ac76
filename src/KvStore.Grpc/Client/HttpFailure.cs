using System.Net;
using System.Net.Sockets;

namespace KvStore.Grpc;

/// <summary>What HTTP's own failures mean to a gRPC caller ("HTTP2 transport mapping", "http-grpc-status-mapping").</summary>
internal static class HttpFailure
{
    // A socket's own exception comes out of SocketsHttpHandler when a peer is gone again before its address has been looked at.
    public static bool IsOne(Exception exception) =>
        exception is HttpRequestException or IOException or OperationCanceledException or RpcException or ObjectDisposedException
            or SocketException;

    public static Status StatusOf(Exception exception, Uri address) => exception switch
    {
        // Found on this side of the wire: the exception beside the status says so.
        RpcException refusal => refusal.Status with { DebugException = refusal.Status.DebugException ?? refusal },
        HttpRequestException { InnerException: HttpProtocolException inner } => StatusOf(inner),
        HttpProtocolException protocol => StatusOf(protocol),
        HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                or HttpRequestError.SecureConnectionError
        } => new Status(StatusCode.Unavailable, $"can not connect to {address}: {Innermost(exception).Message}", exception),
        HttpRequestException or IOException => new Status(
            StatusCode.Unavailable, $"the connection to {address} was lost: {Innermost(exception).Message}", exception),
        ObjectDisposedException => new Status(StatusCode.Cancelled, "the channel has been disposed", exception),
        // Of the caller's own cancellations the call knows already; this one is the connection's.
        _ => new Status(StatusCode.Unavailable, $"can not connect to {address}: {Innermost(exception).Message}", exception),
    };

    /// <returns>Null if the response is gRPC's.</returns>
    public static Status? StatusOf(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            var code = response.StatusCode switch
            {
                HttpStatusCode.BadRequest => StatusCode.Internal,
                HttpStatusCode.Unauthorized => StatusCode.Unauthenticated,
                HttpStatusCode.Forbidden => StatusCode.PermissionDenied,
                HttpStatusCode.NotFound => StatusCode.Unimplemented,
                HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable
                    or HttpStatusCode.GatewayTimeout => StatusCode.Unavailable,
                _ => StatusCode.Unknown,
            };
            return GrpcStatusHeader.Find(response.Headers)
                ?? new Status(code, $"unexpected HTTP status code received from server: {(int)response.StatusCode}");
        }

        var contentType = response.Content.Headers.ContentType?.MediaType;
        return contentType is not null && contentType.StartsWith(HttpServerCall.ContentType, StringComparison.Ordinal)
            ? null
            : new Status(StatusCode.Unknown, $"unexpected content-type \"{contentType}\": this is no gRPC server");
    }

    // RFC 9113's error codes, as gRPC maps them.
    private static Status StatusOf(HttpProtocolException exception)
    {
        var (code, name) = exception.ErrorCode switch
        {
            // gRPC has Internal for it, but SocketsHttpHandler also reports a connection so that it gave up itself: one that did
            // not answer a ping, or sent nonsense.
            0x1 => (StatusCode.Unavailable, "PROTOCOL_ERROR"),
            0x7 => (StatusCode.Unavailable, "REFUSED_STREAM"),
            0x8 => (StatusCode.Cancelled, "CANCEL"),
            0xb => (StatusCode.ResourceExhausted, "ENHANCE_YOUR_CALM"),
            0xc => (StatusCode.PermissionDenied, "INADEQUATE_SECURITY"),
            var other => (StatusCode.Internal, $"0x{other:x}"),
        };
        return new Status(code, $"the stream or connection ended with the HTTP/2 error {name}: {exception.Message}", exception);
    }

    private static Exception Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner)
            exception = inner;
        return exception;
    }
}
