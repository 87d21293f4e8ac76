using System.Net.WebSockets;
using Orchestrator.Runtime.Streams.Spdy;

namespace Orchestrator.Runtime.Streams;

/// <summary>The client's side of exec and attach, for tests, for a kubelet before its runtime, and for whoever has to look inside.</summary>
/// <param name="invoker">Makes the connection; its handler has the certificates.</param>
public sealed class RemoteCommandClient(HttpMessageInvoker invoker)
{
    private static readonly string[] SpdyProtocols = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"];

    /// <summary>Opens a session over SPDY. The URI's query has to ask for the same streams as the options.</summary>
    /// <exception cref="UpgradeRefusedException">The server did not want to.</exception>
    public async Task<RemoteCommandConnection> ConnectSpdyAsync(Uri uri, RemoteCommandOptions options, CancellationToken ct)
    {
        (SpdyConnection connection, string protocol) = await SpdyUpgrade.ConnectAsync(invoker, uri, SpdyProtocols, ct);
        try
        {
            StreamProtocol agreed = StreamProtocol.OverSpdy.First(known => known.Name == protocol);
            // In this order: it is the one that servers have always seen.
            return new RemoteCommandConnection(await OpenAsync(connection, "error", ct), connection)
            {
                Stdin = options.Stdin ? await OpenAsync(connection, "stdin", ct) : null,
                Stdout = options.Stdout ? await OpenAsync(connection, "stdout", ct) : null,
                Stderr = options.Stderr ? await OpenAsync(connection, "stderr", ct) : null,
                Resize = options.Tty && agreed.HasResize ? await OpenAsync(connection, "resize", ct) : null,
                AlwaysHasResult = agreed.HasStatus,
            }.Begin();
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens a session over WebSocket channels.</summary>
    /// <param name="protocol">One of the versions that exist over WebSocket: v5.channel.k8s.io and so on.</param>
    /// <exception cref="UpgradeRefusedException">The server did not want to.</exception>
    public async Task<RemoteCommandConnection> ConnectWebSocketAsync(
        Uri uri, RemoteCommandOptions options, string protocol, CancellationToken ct)
    {
        StreamProtocol known = StreamProtocol.OverWebSocket.First(candidate => candidate.Name == protocol);
        WebSocket socket = await WebSocketClient.ConnectAsync(invoker, uri, protocol, ct);
        var channels = new WebSocketChannels(socket, known.IsBase64, known.HasCloseSignal);
        var connection = new RemoteCommandConnection(channels.Open(3, isReadable: true), channels)
        {
            Stdin = options.Stdin ? channels.Open(0, isReadable: false) : null,
            Stdout = options.Stdout ? channels.Open(1, isReadable: true) : null,
            Stderr = options.Stderr ? channels.Open(2, isReadable: true) : null,
            Resize = options.Tty ? channels.Open(4, isReadable: false) : null,
        };
        channels.Start();
        return connection.Begin();
    }

    private static Task<SpdyStream> OpenAsync(SpdyConnection connection, string type, CancellationToken ct) =>
        connection.OpenAsync(new Dictionary<string, string> { ["streamtype"] = type }, ct);
}
