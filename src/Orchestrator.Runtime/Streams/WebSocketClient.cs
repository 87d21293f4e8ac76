using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;

namespace Orchestrator.Runtime.Streams;

/// <summary>Opens WebSockets with one subprotocol, of any name: .NET's own client refuses names with a slash.</summary>
internal static class WebSocketClient
{
    private static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(30);

    /// <param name="uri">With http or https, as the rest of the API has it.</param>
    /// <exception cref="UpgradeRefusedException">The server answered otherwise, or with another subprotocol.</exception>
    public static async Task<WebSocket> ConnectAsync(HttpMessageInvoker invoker, Uri uri, string protocol, CancellationToken ct)
    {
        string key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        using var request = new HttpRequestMessage(HttpMethod.Get, uri)
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Connection.Add("Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", key);
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Protocol", protocol);
        HttpResponseMessage response = await invoker.SendAsync(request, ct);
        if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
            throw await UpgradeRefusedException.FromAsync(response, ct);
        if (Header(response, "Sec-WebSocket-Accept") != WebSocketUpgrade.Accept(key) || Header(response, "Sec-WebSocket-Protocol") != protocol)
        {
            response.Dispose();
            throw new UpgradeRefusedException((int)response.StatusCode, "the server took part in another handshake");
        }
        Stream stream = await response.Content.ReadAsStreamAsync(ct);
        return WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = false, KeepAliveInterval = KeepAliveInterval });
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.First() : null;
}
