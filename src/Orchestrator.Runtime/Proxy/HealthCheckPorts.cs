using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Proxy;

/// <summary>Tells load balancers at each service's health check port whether this node has endpoints of it: 200 or 503.</summary>
/// <remarks>A question a connection and no more of HTTP than that: balancers ask for <c>/</c> or <c>/healthz</c>, and all is one answer.</remarks>
internal sealed class HealthCheckPorts(NetworkNamespace? network, ILogger log) : IAsyncDisposable
{
    private const int RequestLimit = 8192;
    private const int Backlog = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Dictionary<int, Listener> _listeners = [];

    /// <summary>Opens and closes ports; one that somebody else has is tried again by the next call.</summary>
    public async Task SetAsync(IReadOnlyList<ServiceHealth> wanted)
    {
        var byPort = new Dictionary<int, ServiceHealth>();
        foreach (var health in wanted)
            byPort.TryAdd(health.Port, health);
        foreach (int port in _listeners.Keys.Where(port => !byPort.ContainsKey(port)).ToList())
        {
            await _listeners[port].DisposeAsync();
            _listeners.Remove(port);
        }
        foreach (var (port, health) in byPort)
        {
            if (_listeners.TryGetValue(port, out var listener))
                listener.Health = health;
            else if (await ListenAsync(health) is { } opened)
                _listeners.Add(port, opened);
        }
    }

    public async ValueTask DisposeAsync() => await SetAsync([]);

    private async Task<Listener?> ListenAsync(ServiceHealth health)
    {
        try
        {
            var socket = network is null ? Listen(health.Port) : await network.RunAsync(() => Listen(health.Port));
            return new Listener(socket, health);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            log.LogWarning("health check port {Port} of service {Service} cannot be opened: {Reason}", health.Port, health.Service, e.Message);
            return null;
        }
    }

    private static Socket Listen(int port)
    {
        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            socket.Listen(Backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class Listener : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Socket _socket;
        private readonly Task _running;

        public Listener(Socket socket, ServiceHealth health)
        {
            _socket = socket;
            Health = health;
            _running = RunAsync();
        }

        public ServiceHealth Health
        {
            get
            {
                lock (_stop)
                    return field;
            }
            set
            {
                lock (_stop)
                    field = value;
            }
        }

        public async ValueTask DisposeAsync()
        {
            _stop.Cancel();
            _socket.Dispose();
            await _running;
            _stop.Dispose();
        }

        private async Task RunAsync()
        {
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    _ = AnswerAsync(await _socket.AcceptAsync(_stop.Token));
                }
                catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
                {
                    // The end; or a client that was gone before it was met.
                }
            }
        }

        private async Task AnswerAsync(Socket client)
        {
            using var limit = new CancellationTokenSource(Patience);
            using (client)
            {
                try
                {
                    if (await ReadRequestAsync(client, limit.Token))
                    {
                        await client.SendAsync(Encoding.ASCII.GetBytes(Answer(Health)), limit.Token);
                        client.Shutdown(SocketShutdown.Send);
                    }
                }
                catch (Exception e) when (e is SocketException or OperationCanceledException)
                {
                    // It did not wait, or did not ask.
                }
            }
        }

        private static async Task<bool> ReadRequestAsync(Socket client, CancellationToken cancellation)
        {
            byte[] request = new byte[RequestLimit];
            int length = 0;
            while (length < request.Length)
            {
                int read = await client.ReceiveAsync(request.AsMemory(length), cancellation);
                if (read == 0)
                    return false;
                length += read;
                if (request.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0)
                    return true;
            }
            return false;
        }

        private static string Answer(ServiceHealth health)
        {
            string body = $$$"""{"service":{"namespace":"{{{health.Service.Namespace}}}","name":"{{{health.Service.Name}}}"},"localEndpoints":{{{health.LocalEndpoints}}},"serviceProxyHealthy":true}""";
            string status = health.LocalEndpoints > 0 ? "200 OK" : "503 Service Unavailable";
            return $"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"
                + $"X-Load-Balancing-Endpoint-Weight: {health.LocalEndpoints}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}";
        }
    }
}
