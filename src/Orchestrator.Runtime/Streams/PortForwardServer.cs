using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Streams.Spdy;

namespace Orchestrator.Runtime.Streams;

/// <summary>The server's side of port-forward: SPDY/3.1, SPDY inside a WebSocket, or WebSocket channels.</summary>
public static class PortForwardServer
{
    internal const string SpdyProtocol = "portforward.k8s.io";
    internal const string TunnelProtocol = "SPDY/3.1+portforward.k8s.io";

    /// <summary>How long a client may take to end its connection once all is forwarded; then it is cut.</summary>
    private static readonly TimeSpan FarewellTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A port takes two channels, whose number is one byte.</summary>
    private const int PortLimit = 100;

    private static readonly IReadOnlyList<StreamProtocol> ChannelProtocols =
    [
        new("v4.channel.k8s.io", 4),
        new("v4.base64.channel.k8s.io", 4, IsBase64: true),
    ];

    /// <summary>Serves a request until its client goes.</summary>
    public static Task ServeAsync(HttpContext context, PortForwardRequest request, PortForwardHandler handler)
    {
        if (SpdyUpgrade.IsRequested(context.Request))
            return ServeSpdyAsync(context, request, handler);
        if (!WebSocketUpgrade.IsRequested(context.Request))
            return ConnectionUpgrade.RefuseAsync(context, StatusCodes.Status400BadRequest, "unable to upgrade: missing upgrade headers in request");
        return WebSocketUpgrade.Offered(context.Request).Contains(TunnelProtocol)
            ? ServeTunnelAsync(context, request, handler)
            : ServeChannelsAsync(context, request, handler);
    }

    private static async Task ServeSpdyAsync(HttpContext context, PortForwardRequest request, PortForwardHandler handler)
    {
        var accepted = await SpdyUpgrade.AcceptAsync(context, [SpdyProtocol]);
        if (accepted is null)
            return;
        await using SpdyConnection connection = accepted.Value.Connection;
        await new PortForwardStreams(connection, request, handler).ServeAsync();
    }

    private static async Task ServeTunnelAsync(HttpContext context, PortForwardRequest request, PortForwardHandler handler)
    {
        WebSocket? socket = await WebSocketUpgrade.AcceptAsync(context, TunnelProtocol);
        if (socket is null)
            return;
        var tunnel = new WebSocketByteStream(socket);
        await using SpdyConnection connection = SpdyConnection.Serve(tunnel);
        await new PortForwardStreams(connection, request, handler).ServeAsync();
    }

    private static async Task ServeChannelsAsync(HttpContext context, PortForwardRequest request, PortForwardHandler handler)
    {
        IReadOnlyList<string> offered = WebSocketUpgrade.Offered(context.Request);
        StreamProtocol? protocol = offered.Count == 0 ? StreamProtocol.Unnamed : StreamProtocol.Choose(offered, ChannelProtocols);
        string? refusal = protocol is null ? $"unable to upgrade: none of the subprotocols {string.Join(", ", offered)} is supported"
            : request.Ports.Count == 0 ? "query parameter \"port\" is required"
            : request.Ports.Count > PortLimit ? $"more than {PortLimit} ports"
            : null;
        if (refusal is not null)
        {
            await ConnectionUpgrade.RefuseAsync(context, StatusCodes.Status400BadRequest, refusal);
            return;
        }
        WebSocket? socket = await WebSocketUpgrade.AcceptAsync(context, protocol!.Name.Length == 0 ? null : protocol.Name);
        if (socket is null)
            return;
        await using var channels = new WebSocketChannels(socket, protocol.IsBase64, hasCloseSignal: false);
        await ForwardChannelsAsync(channels, request, handler);
        await channels.CloseAsync(FarewellTimeout);
    }

    private static async Task ForwardChannelsAsync(WebSocketChannels channels, PortForwardRequest request, PortForwardHandler handler)
    {
        var pairs = request.Ports.Select((port, i) => (
            Port: port,
            Connection: channels.Open(2 * i, isReadable: true, endsAsAWhole: true),
            Error: channels.Open(2 * i + 1, isReadable: false))).ToList();
        channels.Start();
        await Task.WhenAll(pairs.Select(async pair =>
        {
            try
            {
                var port = new byte[2];
                BinaryPrimitives.WriteUInt16LittleEndian(port, (ushort)pair.Port);
                await pair.Connection.WriteAsync(port, channels.Closed);
                await pair.Error.WriteAsync(port, channels.Closed);
                string? error = await ForwardAsync(handler, request, pair.Port, pair.Connection, channels.Closed);
                if (error is not null)
                    await pair.Error.WriteAsync(Encoding.UTF8.GetBytes(error), channels.Closed);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The client is gone.
            }
            pair.Connection.StopReading();
        }));
    }

    /// <returns>What to tell the client, or null when all went well.</returns>
    internal static async Task<string?> ForwardAsync(
        PortForwardHandler handler, PortForwardRequest request, int port, DuplexStream connection, CancellationToken disconnected)
    {
        try
        {
            await handler(port, connection, disconnected);
            return null;
        }
        catch (Exception) when (disconnected.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e)
        {
            return $"error forwarding port {port} to pod {request.Pod}, uid {request.Uid}: {e.Message}";
        }
    }
}
