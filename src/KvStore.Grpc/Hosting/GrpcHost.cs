using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace KvStore.Grpc;

/// <summary>Puts a <see cref="GrpcServer"/> on the network: Kestrel with nothing between it and the calls.</summary>
public sealed class GrpcHost : IAsyncDisposable
{
    // Infinite is what is meant, but Kestrel's clock overflows on it and closes an idle HTTP/2 connection within a second.
    private static readonly TimeSpan EndlessIdleTime = TimeSpan.FromDays(3650);

    private readonly GrpcServer _server;
    private readonly GrpcHostOptions _options;
    private readonly SharedPortListenerFactory _listeners;
    private readonly WebApplication _services;
    private readonly IServer _kestrel;
    private Task? _stop;

    public GrpcHost(GrpcServer server, GrpcHostOptions options)
    {
        _server = server;
        _options = options;
        _listeners = new SharedPortListenerFactory(options);
        // Only Kestrel's own services are wanted: the web application is never started, its server is, by hand.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(options.LoggerFactory);
        builder.Services.AddLogging();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        builder.Services.AddSingleton<IConnectionListenerFactory>(_listeners);
        _services = builder.Build();
        _kestrel = _services.Services.GetRequiredService<IServer>();
    }

    /// <summary>What each of the options' endpoints is bound to, in their order: the real port where 0 was asked for.</summary>
    public IReadOnlyList<EndPoint> BoundEndPoints =>
        _options.Endpoints.Select((endpoint, index) => _listeners.BoundEndPoint(index) ?? endpoint.EndPoint).ToList();

    /// <exception cref="IOException">An address can not be bound; its message says which and why.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default) =>
        _kestrel.StartAsync(new GrpcApplication(_server, _options.HttpFallback), cancellationToken);

    /// <summary>Takes no more calls, tells clients to go (GOAWAY), ends all streams, lets unary calls finish within
    /// <see cref="GrpcHostOptions.ShutdownGrace"/>.</summary>
    public Task StopAsync() => _stop ??= StopOnceAsync();

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        await _services.DisposeAsync().ConfigureAwait(false);
    }

    private async Task StopOnceAsync()
    {
        using var grace = new CancellationTokenSource(_options.ShutdownGrace);
        var stop = _kestrel.StopAsync(grace.Token);
        _server.EndStreams();
        await stop.ConfigureAwait(false);
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        // A proxy that ends TLS may pass on "https" over a plain connection.
        kestrel.AllowAlternateSchemes = true;
        kestrel.RequestHeaderEncodingSelector = AuthorityEncoding.Select;
        var limits = kestrel.Limits;
        // Each of these would end a stream or connection that lives long or is quiet, as watches are.
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        limits.KeepAliveTimeout = EndlessIdleTime;
        limits.Http2.MaxStreamsPerConnection = _options.MaxConcurrentStreams;
        limits.Http2.KeepAlivePingDelay = _options.KeepAlivePingInterval;
        limits.Http2.KeepAlivePingTimeout = _options.KeepAlivePingTimeout;
        for (var index = 0; index < _options.Endpoints.Count; index++)
            Listen(kestrel, index, _options.Endpoints[index]);
    }

    private static void Listen(KestrelServerOptions kestrel, int index, GrpcListenEndpoint endpoint)
    {
        if (endpoint.Tls is { } tls)
        {
            kestrel.Listen(new SharedPortEndPoint(index, SharedPortSide.Tls, endpoint.EndPoint), listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = tls.ForConnection });
            });
            return;
        }

        kestrel.Listen(new SharedPortEndPoint(index, SharedPortSide.Http2, endpoint.EndPoint),
            listen => listen.Protocols = HttpProtocols.Http2);
        kestrel.Listen(new SharedPortEndPoint(index, SharedPortSide.Http1, endpoint.EndPoint),
            listen => listen.Protocols = HttpProtocols.Http1);
    }
}
