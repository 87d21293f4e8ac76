using KvStore.Grpc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Server.Cluster;
using KvStore.Server.Configuration;
using KvStore.Server.Http;
using KvStore.Server.Logging;
using KvStore.Server.Peers;
using KvStore.Server.Peers.Calls;
using KvStore.Server.Services;
using KvStore.Server.Telemetry;
using KvStore.Server.Tls;
using ILoggerFactory = Microsoft.Extensions.Logging.ILoggerFactory;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>A running member with everything that listens.</summary>
internal sealed class MemberServer : IAsyncDisposable
{
    /// <summary>Clients are served after this time also without a leader: what needs no agreement can be answered. etcd's.</summary>
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How soon a member that could not tell its name tries again.</summary>
    private static readonly TimeSpan PublishRetry = TimeSpan.FromMilliseconds(200);

    /// <summary>How soon it is seen that peers are there.</summary>
    private static readonly TimeSpan PeerPoll = TimeSpan.FromMilliseconds(50);

    /// <summary>What a stopping leader waits for its successor.</summary>
    private static readonly TimeSpan HandOverTimeout = TimeSpan.FromSeconds(2);

    private readonly ServerOptions _options;
    private readonly Member _member;
    private readonly ServerMetrics _metrics;
    private readonly TelemetryExport _telemetry;
    private readonly PeerNetwork _network;
    private readonly PeerCalls _calls;
    private readonly CallRules _rules;
    private readonly ILoggerFactory _peerLogging = PeerPortLog.NewFactory(TimeProvider.System);
    private readonly CancellationTokenSource _stopping = new();
    private ClientListeners? _listeners;
    private GrpcServer? _services;
    private GrpcHost? _peers;
    private AutoCompactor? _compactor;
    private Task _hastening = Task.CompletedTask;
    private Task _publishing = Task.CompletedTask;
    private bool _isStopped;

    private MemberServer(
        ServerOptions options, Member member, ServerMetrics metrics, TelemetryExport telemetry, PeerNetwork network, PeerCalls calls)
    {
        (_options, _member, _metrics, _telemetry, _network, _calls) = (options, member, metrics, telemetry, network, calls);
        _rules = new CallRules(member, TimeProvider.System);
    }

    /// <summary>Completes, with the reason, when the member was removed from its cluster and has to stop.</summary>
    public Task<string> Removed => _network.Removed;

    /// <summary>Completes, with the reason, when the cluster knows this member from another data directory.</summary>
    public Task<string> DirectoryIsLost => _network.DirectoryIsLost;

    /// <summary>The services of clients, for callers in this process.</summary>
    public CallInvoker Channel => new InMemoryChannel(_services ?? throw new InvalidOperationException("the member serves nothing yet"));

    /// <summary>Opens the data, waits until requests can be served, and serves them.</summary>
    /// <param name="onFault">Told when the member cannot go on.</param>
    public static async Task<MemberServer> StartAsync(ServerOptions options, Action<string, Exception> onFault, CancellationToken stopping = default)
    {
        ListenAddresses.Check(options);
        // Beside the opening of the data: its libraries take long to load.
        var telemetryMade = Task.Run(() => new TelemetryExport(options.Telemetry, options.Name));
        var sources = new MemberMetricSources();
        var metrics = new ServerMetrics(sources.Sources, GrpcMethod.AllOf(ServedFiles()), options.Telemetry.IsExtensive);
        MemberServer? server = null;
        OpenedMember? opened = null;
        try
        {
            opened = await OpenedMember.OpenAsync(options, metrics, onFault);
            (sources.Member, sources.Network) = (opened.Member, opened.Network);
            // Before the first measurement, which would be missed else.
            var telemetry = await telemetryMade;
            server = new MemberServer(options, opened.Member, metrics, telemetry, opened.Network, opened.Calls);
            await server.ListenAsync(opened.Tls, stopping);
            return server;
        }
        catch
        {
            if (server is not null)
            {
                await server.DisposeAsync();
                throw;
            }
            if (opened is not null)
                await opened.DisposeAsync();
            metrics.Dispose();
            (await telemetryMade).Dispose();
            throw;
        }
    }

    /// <summary>Ends the streams, lets unary calls finish, then stops the member.</summary>
    public async Task StopAsync()
    {
        if (_isStopped)
            return;
        _isStopped = true;
        await _stopping.CancelAsync();
        _compactor?.Dispose();
        await Task.WhenAll(_listeners?.StopAsync() ?? Task.CompletedTask, HandOverAsync());
        await _network.DisposeAsync();
        await (_peers?.StopAsync() ?? Task.CompletedTask);
        await _hastening;
        await _publishing;
        await Task.WhenAny(_member.CheckpointAsync(), Task.Delay(TimeSpan.FromSeconds(1)));
        _member.Stop();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_listeners is not null)
            await _listeners.DisposeAsync();
        if (_peers is not null)
            await _peers.DisposeAsync();
        _peerLogging.Dispose();
        _rules.Dispose();
        _calls.Dispose();
        _member.Dispose();
        _metrics.Dispose();
        _telemetry.Dispose();
        _stopping.Dispose();
    }

    private async Task ListenAsync(PeerTls? peerTls, CancellationToken stopping)
    {
        var membership = new MembershipRules(_member, _network, _calls, TimeProvider.System, _options.StrictReconfigCheck, _options.MaxLearners);
        var clock = new LeaseClockService(_member, _calls, TimeProvider.System);
        await StartPeersAsync(new PeerCallHandler(_member, clock, membership, () => _member.HasLeader ? ServerVersion.Cluster : "not_decided"), peerTls);
        _member.Start();
        _services = new GrpcServer(EtcdServices.Bind(_member, clock, membership, _rules, _metrics, TimeProvider.System), new GrpcServerOptions
        {
            // A request of the largest size still fits with its frame and is then refused with etcd's own text.
            MaxReceiveMessageSize = _options.MaxRequestBytes + (512 << 10),
            Observer = new CallObserver(_metrics, _options.WarningUnaryRequestDuration, TimeProvider.System),
            ShutdownStatus = new KvStore.Grpc.Status(KvStore.Grpc.StatusCode.Unavailable, EtcdError.Stopped.Text),
            OnUnhandledException = (method, fault) => Log.Error("request failed unexpectedly", ("method", method), ("error", fault.ToString())),
        });
        var http = new HttpHandler(_options, new MemberHealth(_member), _metrics.Health, _telemetry.ScrapeAsync, TimeProvider.System);
        _listeners = new ClientListeners(_options, _services, http);
        if (_options.InitialElectionTickAdvance)
            _hastening = HastenElectionAsync(_stopping.Token);
        await AwaitReadyAsync(stopping);
        await _listeners.StartAsync(stopping);
        _publishing = PublishAsync(_listeners.ClientUrls, _stopping.Token);
        // Members of a cluster are looked for by name: a member is ready when the others know it.
        await Task.WhenAny(_publishing, Task.Delay(ReadyTimeout, stopping));
        _compactor = AutoCompactor.Start(_member, _options.AutoCompaction, TimeProvider.System);
        Log.Info("ready to serve client requests");
        var url = _listeners.ClientUrls[0];
        Log.Info("talk to it with any client of etcd v3", ("example", $"ETCDCTL_API=3 etcdctl --endpoints={url} put greeting hello"));
    }

    private async Task StartPeersAsync(PeerCallHandler handler, PeerTls? tls)
    {
        _peers = new GrpcHost(new GrpcServer([]), new GrpcHostOptions
        {
            Endpoints = [.. _options.ListenPeerUrls.Select(url => PeerEndpoint(url, url.IsSecure ? tls?.Listener : null))],
            LoggerFactory = _peerLogging,
            HttpFallback = context => context.Request.Path.StartsWithSegments("/raft") ? _network.HandleAsync(context) : handler.HandleAsync(context),
        });
        await _peers.StartAsync();
        foreach (var url in _options.ListenPeerUrls)
            Log.Info("serving peer traffic", ("address", url.Address));
    }

    private async Task AwaitReadyAsync(CancellationToken stopping)
    {
        if (await Task.WhenAny(_member.LeaderKnown, Task.Delay(ReadyTimeout, stopping)) != _member.LeaderKnown)
            Log.Warn("timed out waiting for the ready notification: serving what needs no leader");
        stopping.ThrowIfCancellationRequested();
    }

    /// <summary>Members that start together need not wait for each other once they are connected; etcd's
    /// --initial-election-tick-advance.</summary>
    private async Task HastenElectionAsync(CancellationToken stopping)
    {
        for (var waited = TimeSpan.Zero; waited < _options.PeerSilenceTimeout && !_member.HasLeader && !stopping.IsCancellationRequested; waited += PeerPoll)
        {
            if (_network.Peers.Count(peer => peer.ActiveSince is not null) > 1)
            {
                _member.HastenElection();
                return;
            }
            await Task.WhenAny(Task.Delay(PeerPoll, stopping));
        }
    }

    private async Task HandOverAsync()
    {
        var members = _member.State.Members.Members.Where(known => !known.IsLearner && known.ID != _member.Options.MemberId.Value);
        var successor = members.OrderByDescending(known => _network.ReachableFor(new NodeId(known.ID)) ?? TimeSpan.MinValue).FirstOrDefault();
        if (!_member.IsLeader || successor is null || _network.ReachableFor(new NodeId(successor.ID)) is null)
            return;
        using var patience = new CancellationTokenSource(HandOverTimeout);
        try
        {
            await _member.TransferLeadershipAsync(new NodeId(successor.ID), patience.Token);
        }
        catch (Exception fault) when (fault is OperationCanceledException or EtcdException)
        {
            Log.Warn("leadership transfer failed", ("local-member-id", _member.Options.MemberId.ToString()), ("error", fault.Message));
        }
    }

    private static GrpcListenEndpoint PeerEndpoint(EtcdUrl url, GrpcTlsOptions? tls) => url.IsUnixSocket
        ? GrpcListenEndpoint.Unix(url.SocketPath, tls)
        : GrpcListenEndpoint.Tcp(url.BindAddress(), url.Port, tls);

    /// <summary>Tells the cluster under which name and at which URLs clients find this member, until it knows.</summary>
    private async Task PublishAsync(IReadOnlyList<EtcdUrl> bound, CancellationToken stopping)
    {
        var request = new MemberAttributesRequest
        {
            ID = _member.Options.MemberId.Value,
            Name = _options.Name,
            DirectoryId = _member.DirectoryId,
        };
        request.ClientURLs.Add(_options.AdvertiseClientUrls.Select(url => WithBoundPort(url, bound).ToString()));
        while (!stopping.IsCancellationRequested)
        {
            var members = _member.State.Members;
            bool isKnown = members.Find(request.ID) is { } known && known.Name == request.Name && known.ClientURLs.Equals(request.ClientURLs);
            if (isKnown && members.DirectoryOf(request.ID) == request.DirectoryId)
                return;
            if (await TryPublishAsync(request))
                return;
            await Task.WhenAny(Task.Delay(PublishRetry, stopping));
        }
    }

    private async Task<bool> TryPublishAsync(MemberAttributesRequest request)
    {
        try
        {
            await _member.ProposeAsync(CommandKind.MemberAttributes, Google.Protobuf.MessageExtensions.ToByteArray(request), request);
        }
        catch (EtcdException refusal)
        {
            Log.Warn("failed to publish local member to cluster through raft", ("local-member-id", _member.Options.MemberId.ToString()),
                ("error", refusal.Error.Text));
            return false;
        }
        Log.Info("published local member to cluster through raft", ("local-member-id", _member.Options.MemberId.Value.ToString("x")),
            ("local-member-attributes", $"{{Name:{request.Name} ClientURLs:[{string.Join(' ', request.ClientURLs)}]}}"),
            ("cluster-id", _member.Options.ClusterId.ToString("x")));
        return true;
    }

    private static EtcdUrl WithBoundPort(EtcdUrl advertised, IReadOnlyList<EtcdUrl> bound) =>
        advertised is { Port: 0, IsUnixSocket: false } ? advertised.WithPort(bound.First(url => !url.IsUnixSocket).Port) : advertised;

    private static IEnumerable<Google.Protobuf.Reflection.FileDescriptor> ServedFiles() =>
    [
        RpcReflection.Descriptor, V3LockReflection.Descriptor, V3ElectionReflection.Descriptor, HealthReflection.Descriptor,
    ];
}
