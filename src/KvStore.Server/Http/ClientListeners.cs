using System.Net;
using KvStore.Grpc;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using KvStore.Server.Tls;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace KvStore.Server.Http;

/// <summary>All that a member listens on for clients: gRPC with HTTP, HTTP alone, and metrics, as the flags say.</summary>
public sealed class ClientListeners : IAsyncDisposable
{
    /// <summary>Kestrel's clock ticks once a second, and so does grpc-go's for this purpose.</summary>
    private static readonly TimeSpan ShortestPing = TimeSpan.FromSeconds(1);

    private readonly List<(GrpcHost Host, IReadOnlyList<EtcdUrl> Urls, string Traffic)> _hosts = [];
    private readonly ILoggerFactory _logging;
    private readonly ServerOptions _options;
    private readonly GrpcTlsOptions? _tls;

    /// <exception cref="ConfigurationException">A certificate cannot be read.</exception>
    public ClientListeners(ServerOptions options, GrpcServer server, HttpHandler http)
    {
        _options = options;
        _logging = new LoggerFactory([new KestrelLogProvider(Log.Current)]);
        IReadOnlyList<EtcdUrl>[] all = [options.ListenClientUrls, options.ListenClientHttpUrls, options.ListenMetricsUrls];
        _tls = all.Any(urls => urls.Any(url => url.IsSecure)) ? ServerTls.Load(options.ClientTls) : null;
        bool isSeparate = options.ListenClientHttpUrls.Count > 0;
        Add(server, options.ListenClientUrls, isSeparate ? null : http.HandleAsync, isSeparate ? "grpc" : "grpc+http");
        Add(new GrpcServer([]), options.ListenClientHttpUrls, http.HandleAsync, "http");
        Add(new GrpcServer([]), options.ListenMetricsUrls, http.HandleMetricsAsync, "metrics");
    }

    /// <summary>The URLs of --listen-client-urls as they are bound: with the port that the system picked for 0.</summary>
    public IReadOnlyList<EtcdUrl> ClientUrls => Bound(_hosts[0].Host, _hosts[0].Urls);

    /// <summary>Those of --listen-metrics-urls.</summary>
    public IReadOnlyList<EtcdUrl> MetricsUrls => BoundOf("metrics");

    /// <summary>Those of --listen-client-http-urls.</summary>
    public IReadOnlyList<EtcdUrl> HttpUrls => BoundOf("http");

    /// <exception cref="IOException">An address cannot be bound; the message says which and why.</exception>
    public async Task StartAsync(CancellationToken cancellation = default)
    {
        foreach ((GrpcHost host, IReadOnlyList<EtcdUrl> urls, string traffic) in _hosts)
        {
            await host.StartAsync(cancellation);
            foreach (EtcdUrl url in Bound(host, urls))
                LogServing(url, traffic);
        }
    }

    /// <summary>Takes no more calls, ends streams, and lets unary calls finish.</summary>
    public Task StopAsync() => Task.WhenAll(_hosts.Select(entry => entry.Host.StopAsync()));

    public async ValueTask DisposeAsync()
    {
        foreach ((GrpcHost host, _, _) in _hosts)
            await host.DisposeAsync();
        _logging.Dispose();
    }

    private void Add(GrpcServer server, IReadOnlyList<EtcdUrl> urls, RequestDelegate? fallback, string traffic)
    {
        if (urls.Count == 0)
            return;
        var host = new GrpcHost(server, new GrpcHostOptions
        {
            Endpoints = [.. urls.Select(EndpointOf)],
            HttpFallback = fallback,
            MaxConcurrentStreams = (int)Math.Min(_options.MaxConcurrentStreams, int.MaxValue),
            KeepAlivePingInterval = PingTime(_options.KeepAliveInterval),
            KeepAlivePingTimeout = PingTime(_options.KeepAliveTimeout),
            LoggerFactory = _logging,
        });
        _hosts.Add((host, urls, traffic));
    }

    private static TimeSpan PingTime(TimeSpan? time) => time switch
    {
        null => Timeout.InfiniteTimeSpan,
        { } value when value < ShortestPing => ShortestPing,
        { } value => value,
    };

    private GrpcListenEndpoint EndpointOf(EtcdUrl url)
    {
        GrpcTlsOptions? tls = url.IsSecure ? _tls : null;
        return url.IsUnixSocket
            ? GrpcListenEndpoint.Unix(url.SocketPath, tls)
            : GrpcListenEndpoint.Tcp(url.BindAddress(), url.Port, tls);
    }

    private IReadOnlyList<EtcdUrl> BoundOf(string traffic) =>
        [.. _hosts.Where(entry => entry.Traffic == traffic).SelectMany(entry => Bound(entry.Host, entry.Urls))];

    private static IReadOnlyList<EtcdUrl> Bound(GrpcHost host, IReadOnlyList<EtcdUrl> urls) =>
        [.. urls.Zip(host.BoundEndPoints, (url, bound) => bound is IPEndPoint ip ? url.WithPort(ip.Port) : url)];

    /// <summary>etcd's lines, which tell a reader of the log where to go.</summary>
    private static void LogServing(EtcdUrl url, string traffic)
    {
        if (url.IsSecure)
        {
            Log.Info("serving client traffic securely", ("traffic", traffic), ("address", url.Address));
            return;
        }
        Log.Warn(
            "serving client traffic insecurely; this is strongly discouraged!", ("traffic", traffic), ("address", url.Address));
    }
}
