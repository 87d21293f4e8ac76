using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using KvStore.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Http;
using Orchestrator.Runtime.ApiServer.Reading;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Services;
using Orchestrator.Runtime.ApiServer.Storage;
using Orchestrator.Runtime.ApiServer.Subresources;
using Orchestrator.Runtime.ApiServer.Writing;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.ApiServer;

/// <summary>A running API server: Kestrel with nothing between it and the requests. All its state is in the store; several
/// servers on one store are one API.</summary>
public sealed class ApiServerHost : IAsyncDisposable
{
    private const int MaxStreamsPerConnection = 1000;

    /// <summary>Selectors can be long.</summary>
    private const int MaxAddressBytes = 64 * 1024;

    private const string AddressPrefix = "/registry/ranges/serviceips/";
    private const string PortPrefix = "/registry/ranges/servicenodeports/";

    /// <summary>Of a connection without a request under way; as Kubernetes has it.</summary>
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan ShutdownGrace = TimeSpan.FromSeconds(5);

    private readonly ApiServerOptions _options;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ResourceRegistry _resources;
    private readonly WebApplication _web;
    private readonly IServer _kestrel;
    private readonly EventLeases _leases;
    private readonly List<IAsyncDisposable> _loops = [];
    private readonly ServiceRange _range;
    private readonly ReservedKeys _addresses;
    private readonly ReservedKeys _ports;
    private readonly ObjectStore _store;
    private readonly RevisionReader _revisions;
    private readonly CachedObjects _objects;
    private bool _isDisposed;

    private ApiServerHost(ApiServerOptions options)
    {
        _options = options;
        _resources = new ResourceRegistry(options.Store, options.Clock, options.LoggerFactory);
        _store = new ObjectStore(options.Store);
        _revisions = new RevisionReader(options.Store);
        _objects = new CachedObjects(_resources, _store);
        _leases = new EventLeases(options.Store, options.EventTtl, options.Clock);
        _range = new ServiceRange(options.ServiceClusterIPRange);
        _addresses = new ReservedKeys(options.Store, AddressPrefix);
        _ports = new ReservedKeys(options.Store, PortPrefix);
        // Only Kestrel's own services are wanted: the web application is never started, its server is, by hand.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(options.LoggerFactory);
        builder.Services.AddLogging();
        builder.WebHost.UseKestrelCore().UseSockets(NamespaceEndPoint.Configure).UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        _web = builder.Build();
        _kestrel = _web.Services.GetRequiredService<IServer>();
        Services = null!;
    }

    /// <summary>For whatever runs in the same process.</summary>
    public ApiServerServices Services { get; private set; }

    /// <summary>What the server listens on: real ports where 0 was asked for.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints { get; private set; } = [];

    /// <summary><c>https://127.0.0.1:6443</c>: the first address.</summary>
    public Uri Address => new($"{(_options.Certificate is null ? "http" : "https")}://{EndPoints[0]}");

    /// <summary>Starts a server; when the task ends, it serves.</summary>
    /// <exception cref="IOException">An address can not be bound.</exception>
    /// <exception cref="EtcdException">The store can not be reached.</exception>
    public static async Task<ApiServerHost> StartAsync(ApiServerOptions options, CancellationToken cancellationToken = default)
    {
        var host = new ApiServerHost(options);
        try
        {
            await host.StartAsync(cancellationToken).ConfigureAwait(false);
            return host;
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends all watches, lets other requests finish within a few seconds, leaves the list of API servers.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        await _stopping.CancelAsync().ConfigureAwait(false);
        foreach (var loop in Enumerable.Reverse(_loops))
            await loop.DisposeAsync().ConfigureAwait(false);
        using (var grace = new CancellationTokenSource(ShutdownGrace))
            await _kestrel.StopAsync(grace.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _web.DisposeAsync().ConfigureAwait(false);
        await _resources.DisposeAsync().ConfigureAwait(false);
        _leases.Dispose();
        _stopping.Dispose();
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var clock = _options.Clock;
        var rules = new StorageRules();
        rules.Add(
            new GroupResource("", "services"),
            new ServiceAllocation(_addresses, _ports, _range, _options.NodePortFirst, _options.NodePortLast));
        var ownAdmission = new AdmissionChain([], _objects);
        Services = new ApiServerServices(_objects, ServerWriter(ownAdmission, rules), clock);
        var admission = _options.CreateAdmission is { } create ? new AdmissionChain(create(Services), _objects) : ownAdmission;
        await SystemObjects.CreateNamespacesAsync(Services, cancellationToken).ConfigureAwait(false);
        foreach (var bootstrap in _options.Bootstrap)
            await bootstrap(Services, cancellationToken).ConfigureAwait(false);
        await ListenAsync(Pipeline(admission, rules), cancellationToken).ConfigureAwait(false);
        await StartLoopsAsync(cancellationToken).ConfigureAwait(false);
    }

    private ServerWriter ServerWriter(AdmissionChain admission, StorageRules rules)
    {
        var creator = new ObjectCreator(_store, _leases, admission, rules, _options.Clock);
        return new ServerWriter(
            _resources, creator, new ObjectUpdater(_store, _leases, creator, admission, rules, _options.Clock));
    }

    private RequestPipeline Pipeline(AdmissionChain admission, StorageRules rules)
    {
        var clock = _options.Clock;
        var inFlight = new InFlightLimit(_options.MaxRequestsInFlight, _options.MaxMutatingRequestsInFlight);
        var metrics = new ServerMetrics(_resources, inFlight, Services.Tokens, _options.Meters);
        var more = _options.CreateEndpoints?.Invoke(Services) ?? new Dictionary<string, RequestDelegate>();
        var paths = new PathEndpoints(_revisions, metrics, more, AdvertisedAddress(_options.Listen[0]).ToString());
        var authorizer = _options.CreateAuthorizer?.Invoke(Services);
        return new RequestPipeline(
            _options.CreateAuthenticator?.Invoke(Services), authorizer, _resources,
            Endpoints(admission, authorizer, rules, clock), paths, metrics, inFlight, _options.RequestTimeout,
            _options.LoggerFactory.CreateLogger<RequestPipeline>());
    }

    private ResourceEndpoints Endpoints(AdmissionChain admission, IAuthorizer? authorizer, StorageRules rules, TimeProvider clock)
    {
        var lister = new ObjectLister(_store, _revisions);
        var creator = new ObjectCreator(_store, _leases, admission, rules, clock);
        var updater = new ObjectUpdater(_store, _leases, creator, admission, rules, clock);
        var deleter = new ObjectDeleter(_store, admission, rules, clock);
        return new ResourceEndpoints
        {
            Resources = _resources,
            Store = _store,
            Lister = lister,
            Watches = new WatchStreams(lister, clock, _options.MinRequestTimeout, _options.WatchStallLimit, _stopping.Token),
            Creator = creator,
            Updater = updater,
            Patcher = new ObjectPatcher(updater, clock),
            Deleter = deleter,
            Admission = admission,
            Authorizer = authorizer,
            Binder = new PodBinder(_resources.ViewOf<Api.CoreV1.Pod>(), updater, clock),
            Evictor = new PodEvictor(_resources, _objects, updater, deleter, clock),
            NodeStreams = new NodeStreams(_objects, _options.NodeProxy),
            Metrics = new MetricsReader(_objects, _options.NodeProxy, clock),
            Reviews = new ReviewTable(_options.CreateReviews?.Invoke(Services) ?? []),
            Clock = clock,
        };
    }

    private async Task ListenAsync(RequestPipeline pipeline, CancellationToken cancellationToken)
    {
        await _kestrel.StartAsync(new ServerApplication(pipeline), cancellationToken).ConfigureAwait(false);
        EndPoints = [.. _kestrel.Features.Get<IServerAddressesFeature>()!.Addresses.Select(ToEndPoint)];
    }

    private static IPEndPoint ToEndPoint(string address)
    {
        var uri = new Uri(address);
        return new IPEndPoint(IPAddress.Parse(uri.Host.Trim('[', ']')), uri.Port);
    }

    private async Task StartLoopsAsync(CancellationToken cancellationToken)
    {
        var loggers = _options.LoggerFactory;
        _loops.Add(new Compactor(
            _options.Store, _options.CompactionInterval, _options.Clock, loggers.CreateLogger<Compactor>()));
        _loops.Add(new ServiceRepair(_addresses, _ports, _objects, _options.Clock, loggers.CreateLogger<ServiceRepair>()));
        var system = new SystemObjects(
            _options.Store, Services, _range.First, AdvertisedAddress(EndPoints[0]), loggers.CreateLogger<SystemObjects>());
        _loops.Add(system);
        await system.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    private IPEndPoint AdvertisedAddress(IPEndPoint bound)
    {
        var address = _options.AdvertiseAddress ?? bound.Address;
        bool isOfNoUse = IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
        return new IPEndPoint(isOfNoUse ? OutgoingAddress.Find() ?? address : address, bound.Port);
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        // Watches and streams live long and are quiet; the size of bodies and the time of requests are our own checks.
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        limits.KeepAliveTimeout = IdleTime;
        limits.Http2.MaxStreamsPerConnection = MaxStreamsPerConnection;
        limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        limits.MaxRequestHeadersTotalSize = 128 * 1024;
        limits.MaxRequestLineSize = MaxAddressBytes;
        limits.Http2.MaxRequestHeaderFieldSize = MaxAddressBytes; // HTTP/2 has the address in a header.
        foreach (var address in _options.Listen)
            kestrel.Listen(address, Configure);
    }

    private void Configure(ListenOptions listen)
    {
        if (_options.Certificate is not { } certificate)
        {
            listen.Protocols = HttpProtocols.Http1;
            return;
        }

        listen.Protocols = HttpProtocols.Http1AndHttp2;
        var context = SslStreamCertificateContext.Create(certificate, _options.CertificateChain, offline: true);
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = context,
                ClientCertificateRequired = _options.AskForClientCertificate,
                // A certificate that nobody trusts is a matter of authentication, which has its own answer for it.
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            }),
        });
    }
}
