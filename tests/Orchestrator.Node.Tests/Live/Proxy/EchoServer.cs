using System.Net;
using System.Net.Sockets;
using System.Text;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Node.Tests.Live.Proxy;

/// <summary>Answers over TCP and UDP with its name and the address of who asks: <c>a 10.244.0.1</c>.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly string _name;
    private readonly Socket _listener;
    private readonly Socket _datagrams;
    private readonly Task _running;

    private EchoServer(string name, Socket listener, Socket datagrams)
    {
        (_name, _listener, _datagrams) = (name, listener, datagrams);
        _running = Task.WhenAll(AcceptAsync(), AnswerDatagramsAsync());
    }

    public static async Task<EchoServer> StartAsync(NetworkNamespace network, string name, int port)
    {
        var endpoint = new IPEndPoint(IPAddress.Any, port);
        var listener = await network.RunAsync(() =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(endpoint);
            socket.Listen(256);
            return socket;
        });
        var datagrams = await network.RunAsync(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(endpoint);
            return socket;
        });
        return new EchoServer(name, listener, datagrams);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _listener.Dispose();
        _datagrams.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptAsync(_stop.Token);
                await client.SendAsync(Answer(client.RemoteEndPoint!), _stop.Token);
                client.Shutdown(SocketShutdown.Both);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private async Task AnswerDatagramsAsync()
    {
        byte[] buffer = new byte[100];
        try
        {
            while (true)
            {
                var asked = await _datagrams.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                await _datagrams.SendToAsync(Answer(asked.RemoteEndPoint), asked.RemoteEndPoint, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private byte[] Answer(EndPoint client)
    {
        var address = ((IPEndPoint)client).Address;
        return Encoding.ASCII.GetBytes($"{_name} {(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)}");
    }
}
