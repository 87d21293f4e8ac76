using System.Net;

namespace KvStore.Grpc.Tests.Support;

/// <summary>A server on a free port of the loopback, and a channel to it.</summary>
internal sealed class EchoHost : IAsyncDisposable
{
    private readonly GrpcHost _host;

    private EchoHost(GrpcHost host, GrpcChannelOptions? channelOptions, string scheme)
    {
        _host = host;
        Address = host.BoundEndPoints[0] is IPEndPoint ip ? $"{scheme}://{ip}" : $"unix:{host.BoundEndPoints[0]}";
        Channel = GrpcChannel.ForAddress(Address, channelOptions);
    }

    public string Address { get; }

    public IPEndPoint EndPoint => (IPEndPoint)_host.BoundEndPoints[0];

    public GrpcChannel Channel { get; }

    public static Task<EchoHost> StartAsync(
        GrpcServiceBinder? service = null, GrpcServerOptions? server = null, GrpcChannelOptions? channel = null) =>
        StartAsync(service, server, channel, new GrpcHostOptions { Endpoints = [GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0)] });

    public static async Task<EchoHost> StartAsync(
        GrpcServiceBinder? service, GrpcServerOptions? server, GrpcChannelOptions? channel, GrpcHostOptions options)
    {
        var host = new GrpcHost(new GrpcServer([service ?? Echo.Obvious], server), options);
        await host.StartAsync();
        return new EchoHost(host, channel, options.Endpoints[0].Tls is null ? "http" : "https");
    }

    public Task StopAsync() => _host.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _host.DisposeAsync();
    }
}
