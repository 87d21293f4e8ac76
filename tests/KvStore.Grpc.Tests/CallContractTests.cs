using System.Net;
using KvStore.Grpc.Tests.Support;

namespace KvStore.Grpc.Tests;

public sealed class InMemoryCallTests : CallContract
{
    private protected override Task<ICallSetting> StartAsync(
        GrpcServiceBinder service, GrpcServerOptions? server, TimeProvider? clientClock) =>
        Task.FromResult<ICallSetting>(new Setting(new GrpcServer([service], server)));

    private sealed class Setting(GrpcServer server) : ICallSetting
    {
        public CallInvoker Channel { get; } = new InMemoryChannel(server);

        public GrpcServer Server => server;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

public abstract class NetworkCallContract : CallContract
{
    private protected abstract GrpcListenEndpoint Endpoint { get; }

    private protected abstract string AddressOf(EndPoint bound);

    private protected virtual GrpcChannelOptions ChannelOptions(TimeProvider clock) => new() { TimeProvider = clock };

    private protected override async Task<ICallSetting> StartAsync(
        GrpcServiceBinder service, GrpcServerOptions? server, TimeProvider? clientClock)
    {
        var grpc = new GrpcServer([service], server);
        var host = new GrpcHost(grpc, new GrpcHostOptions { Endpoints = [Endpoint] });
        await host.StartAsync();
        var options = ChannelOptions(clientClock ?? TimeProvider.System);
        var channel = GrpcChannel.ForAddress(AddressOf(host.BoundEndPoints[0]), options);
        return new Setting(grpc, host, channel);
    }

    private sealed class Setting(GrpcServer server, GrpcHost host, GrpcChannel channel) : ICallSetting
    {
        public CallInvoker Channel => channel;

        public GrpcServer Server => server;

        public async ValueTask DisposeAsync()
        {
            channel.Dispose();
            await host.DisposeAsync();
        }
    }
}

public sealed class TcpCallTests : NetworkCallContract
{
    private protected override GrpcListenEndpoint Endpoint => GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0);

    private protected override string AddressOf(EndPoint bound) => $"http://{bound}";
}

public sealed class UnixSocketCallTests : NetworkCallContract
{
    private protected override GrpcListenEndpoint Endpoint =>
        GrpcListenEndpoint.Unix(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()));

    private protected override string AddressOf(EndPoint bound) => $"unix:{bound}";
}

public sealed class TlsCallTests : NetworkCallContract
{
    private protected override GrpcListenEndpoint Endpoint => GrpcListenEndpoint.Tcp(
        IPAddress.Loopback, 0, new GrpcTlsOptions { CertificateSelector = _ => TestCertificates.Server });

    private protected override string AddressOf(EndPoint bound) => $"https://{bound}";

    private protected override GrpcChannelOptions ChannelOptions(TimeProvider clock) =>
        new() { TimeProvider = clock, Tls = TestCertificates.TrustingClient() };
}
