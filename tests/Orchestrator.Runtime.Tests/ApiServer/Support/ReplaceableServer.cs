using System.Net.Sockets;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Tests.ApiServer.Support;

/// <summary>An API server under one name, which can be stopped, begun anew and cut off from its clients.</summary>
internal sealed class ReplaceableServer(ServerFixture fixture) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Socket> _connections = [];
    private readonly List<IDisposable> _clients = [];
    private ApiServerHost? _server;

    public async Task StartAsync()
    {
        var server = await fixture.StartServerAsync();
        lock (_gate)
            _server = server;
    }

    /// <summary>From now on nobody listens.</summary>
    public async Task StopAsync()
    {
        ApiServerHost? server;
        lock (_gate)
            (server, _server) = (_server, null);
        if (server is not null)
            await server.DisposeAsync();
    }

    /// <summary>Breaks what is connected, in the midst of whatever it does. New connections are taken.</summary>
    public void BreakConnections()
    {
        lock (_gate)
        {
            _connections.ForEach(connection => connection.Close(0));
            _connections.Clear();
        }
    }

    /// <summary>A way to whichever server there is.</summary>
    public HttpTransport Connect()
    {
        var transport = new HttpTransport(new HttpTransportOptions(new Uri("https://replaceable.test")), new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) => await DialAsync(cancellation),
            EnableMultipleHttp2Connections = true,
            SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        });
        _clients.Add(transport);
        return transport;
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(client => client.Dispose());
        await StopAsync();
    }

    private async ValueTask<Stream> DialAsync(CancellationToken cancellation)
    {
        ApiServerHost server;
        lock (_gate)
            server = _server ?? throw new IOException("nobody listens");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server.EndPoints[0], cancellation);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        lock (_gate)
            _connections.Add(socket);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
