using System.Globalization;
using System.Net.WebSockets;
using Orchestrator.Runtime.Streams.Spdy;

namespace Orchestrator.Runtime.Streams;

/// <summary>The client's side of port-forward.</summary>
/// <param name="invoker">Makes the connection; its handler has the certificates.</param>
public sealed class PortForwardClient(HttpMessageInvoker invoker)
{
    /// <summary>SPDY over an upgraded connection.</summary>
    /// <exception cref="UpgradeRefusedException">The server did not want to.</exception>
    public async Task<PortForwardConnection> ConnectSpdyAsync(Uri uri, CancellationToken ct)
    {
        (SpdyConnection connection, _) = await SpdyUpgrade.ConnectAsync(invoker, uri, [PortForwardServer.SpdyProtocol], ct);
        return new PortForwardConnection(connection);
    }

    /// <summary>SPDY inside a WebSocket, as kubectl has it since 1.31.</summary>
    /// <inheritdoc cref="ConnectSpdyAsync"/>
    public async Task<PortForwardConnection> ConnectTunnelAsync(Uri uri, CancellationToken ct)
    {
        WebSocket socket = await WebSocketClient.ConnectAsync(invoker, uri, PortForwardServer.TunnelProtocol, ct);
        return new PortForwardConnection(SpdyConnection.Connect(new WebSocketByteStream(socket)));
    }
}

/// <summary>A port-forward session: any number of connections to any ports of one pod.</summary>
public sealed class PortForwardConnection : IAsyncDisposable
{
    private readonly SpdyConnection _connection;
    private int _lastRequestId;

    internal PortForwardConnection(SpdyConnection connection) => _connection = connection;

    /// <summary>Opens one connection to <paramref name="port"/>.</summary>
    public async Task<ForwardedConnection> OpenAsync(int port, CancellationToken ct)
    {
        var headers = new Dictionary<string, string>
        {
            ["port"] = port.ToString(CultureInfo.InvariantCulture),
            ["requestid"] = Interlocked.Increment(ref _lastRequestId).ToString(CultureInfo.InvariantCulture),
        };
        SpdyStream error = await _connection.OpenAsync(new Dictionary<string, string>(headers) { ["streamtype"] = "error" }, ct);
        await error.CompleteWritesAsync(ct);
        SpdyStream data = await _connection.OpenAsync(new Dictionary<string, string>(headers) { ["streamtype"] = "data" }, ct);
        return new ForwardedConnection(data, error);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}

/// <summary>One forwarded connection.</summary>
public sealed class ForwardedConnection : IAsyncDisposable
{
    private readonly SpdyStream _error;

    internal ForwardedConnection(SpdyStream data, SpdyStream error)
    {
        Data = data;
        _error = error;
    }

    /// <summary>The bytes; each direction ends by itself.</summary>
    public DuplexStream Data { get; }

    /// <summary>What went wrong, once the connection has ended; empty if nothing did.</summary>
    public async Task<string> ReadErrorAsync(CancellationToken ct)
    {
        using var reader = new StreamReader(_error, leaveOpen: true);
        return await reader.ReadToEndAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        await Data.DisposeAsync();
        await _error.DisposeAsync();
    }
}
