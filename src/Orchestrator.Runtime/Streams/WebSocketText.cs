using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Orchestrator.Runtime.Streams;

/// <summary>Sends a stream as WebSocket messages, for clients that read logs in no other way.</summary>
internal static class WebSocketText
{
    private const string Binary = "binary.k8s.io";
    private const string Base64 = "base64.binary.k8s.io";
    private const int BufferBytes = 32 * 1024;

    /// <summary>Serves until the stream ends or the client closes. The first message is empty: it says that the way is open.</summary>
    public static async Task ServeAsync(HttpContext context, Stream source, CancellationToken cancellationToken)
    {
        var offered = WebSocketUpgrade.Offered(context.Request);
        string? protocol = offered.FirstOrDefault(name => name is Binary or Base64);
        if (offered.Count > 0 && protocol is null)
        {
            await ConnectionUpgrade.RefuseAsync(context, StatusCodes.Status403Forbidden, "unable to upgrade: no known protocol was offered");
            return;
        }

        using WebSocket? socket = await WebSocketUpgrade.AcceptAsync(context, protocol);
        if (socket is null)
            return;
        using var open = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task listening = ListenAsync(socket, open);
        try
        {
            await CopyAsync(source, socket, isText: protocol == Base64, open.Token);
            if (socket.State == WebSocketState.Open)
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, open.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or IOException)
        {
            // The client has left.
        }

        await open.CancelAsync();
        await listening;
    }

    private static async Task CopyAsync(Stream source, WebSocket socket, bool isText, CancellationToken cancellationToken)
    {
        WebSocketMessageType type = isText ? WebSocketMessageType.Text : WebSocketMessageType.Binary;
        await socket.SendAsync(ReadOnlyMemory<byte>.Empty, type, true, cancellationToken);
        var buffer = new byte[BufferBytes];
        for (int count; (count = await source.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            ReadOnlyMemory<byte> message = isText
                ? Encoding.ASCII.GetBytes(Convert.ToBase64String(buffer.AsSpan(0, count)))
                : buffer.AsMemory(0, count);
            await socket.SendAsync(message, type, true, cancellationToken);
        }
    }

    /// <summary>Nothing that the client says is heeded, but its leaving is.</summary>
    private static async Task ListenAsync(WebSocket socket, CancellationTokenSource open)
    {
        var buffer = new byte[1024];
        try
        {
            while ((await socket.ReceiveAsync(buffer, open.Token)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or IOException)
        {
            // Gone without a word, or no longer waited for.
        }

        await open.CancelAsync();
    }
}
