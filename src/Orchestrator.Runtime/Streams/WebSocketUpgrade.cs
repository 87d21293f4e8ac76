using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Orchestrator.Runtime.Streams;

/// <summary>The server's side of a WebSocket handshake (RFC 6455, §4.2), without any middleware before it.</summary>
internal static class WebSocketUpgrade
{
    private const string AcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    /// <summary>A sign of life on idle connections, so that what stands in between does not cut them.</summary>
    private static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(30);

    public static bool IsRequested(HttpRequest request) => ConnectionUpgrade.Asks(request, "websocket");

    /// <summary>The subprotocols that the client offers, in its order of preference.</summary>
    public static IReadOnlyList<string> Offered(HttpRequest request) =>
        ConnectionUpgrade.Values(request.Headers.SecWebSocketProtocol);

    /// <returns>Null when the request was no proper handshake; it has been answered then.</returns>
    public static async Task<WebSocket?> AcceptAsync(HttpContext context, string? protocol)
    {
        string key = context.Request.Headers.SecWebSocketKey.ToString();
        if (context.Request.Headers.SecWebSocketVersion.ToString() != "13" || !IsKey(key))
        {
            context.Response.Headers.SecWebSocketVersion = "13";
            await ConnectionUpgrade.RefuseAsync(context, StatusCodes.Status400BadRequest, "unable to upgrade: not a WebSocket handshake");
            return null;
        }
        context.Response.Headers.SecWebSocketAccept = Accept(key);
        if (protocol is not null)
            context.Response.Headers.SecWebSocketProtocol = protocol;
        Stream? stream = await ConnectionUpgrade.AcceptAsync(context, "websocket");
        // .NET is not told of the subprotocol: it refuses names with a slash.
        return stream is null ? null : WebSocket.CreateFromStream(
            stream, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = KeepAliveInterval });
    }

    private static bool IsKey(string key)
    {
        Span<byte> nonce = stackalloc byte[24];
        return Convert.TryFromBase64String(key, nonce, out int length) && length == 16;
    }

    // SHA-1 is what the handshake asks for; it protects nothing.
    public static string Accept(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + AcceptSuffix)));
}
