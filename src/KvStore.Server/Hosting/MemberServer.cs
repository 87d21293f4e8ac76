using KvStore.Grpc;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Server.Cluster;
using KvStore.Server.Configuration;
using KvStore.Server.Http;
using KvStore.Server.Logging;
using KvStore.Server.Members;
using KvStore.Server.Members.Scheduling;
using KvStore.Server.Services;
using KvStore.Server.Telemetry;
using KvStore.Storage.Disks;
using KvStore.Storage.Wal;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>A running member with everything that listens.</summary>
internal sealed class MemberServer : IAsyncDisposable
{
    private readonly ServerOptions _options;
    private readonly Member _member;
    private readonly ServerMetrics _metrics;
    private readonly TelemetryExport _telemetry;
    private ClientListeners? _listeners;
    private GrpcHost? _peers;
    private AutoCompactor? _compactor;
    private bool _isStopped;

    private MemberServer(ServerOptions options, Member member, ServerMetrics metrics, TelemetryExport telemetry)
    {
        (_options, _member, _metrics, _telemetry) = (options, member, metrics, telemetry);
    }

    /// <summary>Opens the data, waits until requests can be served, and serves them.</summary>
    /// <param name="onFault">Told when the member cannot go on.</param>
    public static async Task<MemberServer> StartAsync(ServerOptions options, Action<string, Exception> onFault)
    {
        ListenAddresses.Check(options);
        // Beside the opening of the data: its libraries take long to load.
        var telemetryMade = Task.Run(() => new TelemetryExport(options.Telemetry, options.Name));
        var sources = new MemberMetricSources();
        var metrics = new ServerMetrics(sources.Sources, GrpcMethod.AllOf(ServedFiles()), options.Telemetry.IsExtensive);
        Member? member = null;
        try
        {
            member = Open(options, metrics, onFault);
            sources.Member = member;
            // Before the first measurement, which would be missed else.
            var telemetry = await telemetryMade;
            member.Start();
            var server = new MemberServer(options, member, metrics, telemetry);
            await server.ListenAsync();
            return server;
        }
        catch
        {
            member?.Stop();
            member?.Dispose();
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
        _compactor?.Dispose();
        await Task.WhenAll(_listeners?.StopAsync() ?? Task.CompletedTask, _peers?.StopAsync() ?? Task.CompletedTask);
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
        _member.Dispose();
        _metrics.Dispose();
        _telemetry.Dispose();
    }

    private static Member Open(ServerOptions options, ServerMetrics metrics, Action<string, Exception> onFault)
    {
        var disk = new RealDisk();
        var directory = DataDirectory.Open(disk, options.DataDirectory);
        try
        {
            var events = new MemberEvents
            {
                Synced = metrics.RecordWalFsync,
                AppliedSlowly = metrics.SlowApplies.Increment,
                Checkpointed = metrics.RecordCheckpoint,
                Applied = new ApplyMetrics(metrics).Count,
            };
            var scheduler = new ThreadLoopScheduler(TimeProvider.System, onFault);
            return Member.Open(MemberOptionsOf(options, directory), directory, disk, scheduler, events, new ProductionParts(options.ValueMemoryBytes));
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>A new member is who the flags say; an old one is who its log says.</summary>
    private static MemberOptions MemberOptionsOf(ServerOptions options, DataDirectory directory)
    {
        var (clusterId, memberId) = IdentityOf(options, directory);
        return new MemberOptions
        {
            ClusterId = clusterId,
            MemberId = memberId,
            Name = options.Name,
            PeerUrls = [.. options.InitialAdvertisePeerUrls.Select(url => url.ToString())],
            HeartbeatInterval = options.HeartbeatInterval,
            ElectionTicks = options.ElectionTicks,
            PreVote = options.PreVote,
            CampaignsAtOnce = options.InitialElectionTickAdvance,
            WarningApplyDuration = options.WarningApplyDuration,
            SnapshotCount = options.SnapshotCount,
            QuotaBytes = options.QuotaBytes,
            MaxTxnOps = options.MaxTxnOps,
            MaxRequestBytes = options.MaxRequestBytes,
            ValueMemoryBytes = options.ValueMemoryBytes,
            WatchProgressInterval = options.WatchProgressNotifyInterval,
        };
    }

    private static (ulong ClusterId, NodeId MemberId) IdentityOf(ServerOptions options, DataDirectory directory)
    {
        if (directory.IsNew)
        {
            var bootstrap = Bootstrap.Decide(options);
            return (bootstrap.ClusterId.Value, new NodeId(bootstrap.Id.Value));
        }
        var identity = WriteAheadLog.ReadIdentity(new RealDisk(), directory.Wal);
        return (identity.ClusterId, new NodeId(identity.MemberId));
    }

    private async Task ListenAsync()
    {
        await _member.LeaderKnown;
        var grpc = new GrpcServer(EtcdServices.Bind(_member), new GrpcServerOptions
        {
            // A request of the largest size still fits with its frame and is then refused with etcd's own text.
            MaxReceiveMessageSize = _options.MaxRequestBytes + (512 << 10),
            Observer = new CallObserver(_metrics, _options.WarningUnaryRequestDuration, TimeProvider.System),
            ShutdownStatus = new KvStore.Grpc.Status(StatusCode.Unavailable, Mvcc.Errors.EtcdError.Stopped.Text),
            OnUnhandledException = (method, fault) => Log.Error("request failed unexpectedly", ("method", method), ("error", fault.ToString())),
        });
        var http = new HttpHandler(_options, new MemberHealth(_member), _metrics.Health, _telemetry.ScrapeAsync, TimeProvider.System);
        _listeners = new ClientListeners(_options, grpc, http);
        await _listeners.StartAsync();
        _peers = new GrpcHost(new GrpcServer([]), new GrpcHostOptions
        {
            Endpoints = [.. _options.ListenPeerUrls.Select(PeerEndpoint)],
            HttpFallback = new PeerHttp(_member).HandleAsync,
        });
        await _peers.StartAsync();
        await PublishAsync(_listeners.ClientUrls);
        _compactor = AutoCompactor.Start(_member, _options.AutoCompaction, TimeProvider.System);
        Log.Info("ready to serve client requests");
        var url = _listeners.ClientUrls[0];
        Log.Info("talk to it with any client of etcd v3", ("example", $"ETCDCTL_API=3 etcdctl --endpoints={url} put greeting hello"));
    }

    private static GrpcListenEndpoint PeerEndpoint(EtcdUrl url) => url.IsUnixSocket
        ? GrpcListenEndpoint.Unix(url.SocketPath)
        : GrpcListenEndpoint.Tcp(url.BindAddress(), url.Port);

    /// <summary>Tells the cluster under which name and at which URLs clients find this member.</summary>
    private async Task PublishAsync(IReadOnlyList<EtcdUrl> bound)
    {
        var request = new Protocol.Member { ID = _member.Options.MemberId.Value, Name = _options.Name };
        request.ClientURLs.Add(_options.AdvertiseClientUrls.Select(url => WithBoundPort(url, bound).ToString()));
        var known = _member.State.Members.Find(request.ID);
        if (known is not null && known.Name == request.Name && known.ClientURLs.Equals(request.ClientURLs))
            return;
        await _member.ProposeAsync(Mvcc.Commands.CommandKind.MemberAttributes, Google.Protobuf.MessageExtensions.ToByteArray(request), request);
        Log.Info("published local member to cluster through raft", ("local-member-id", _member.Options.MemberId.Value.ToString("x")),
            ("local-member-attributes", $"{{Name:{request.Name} ClientURLs:[{string.Join(' ', request.ClientURLs)}]}}"),
            ("cluster-id", _member.Options.ClusterId.ToString("x")));
    }

    private static EtcdUrl WithBoundPort(EtcdUrl advertised, IReadOnlyList<EtcdUrl> bound) =>
        advertised is { Port: 0, IsUnixSocket: false } ? advertised.WithPort(bound.First(url => !url.IsUnixSocket).Port) : advertised;

    private static IEnumerable<Google.Protobuf.Reflection.FileDescriptor> ServedFiles() =>
    [
        RpcReflection.Descriptor, V3LockReflection.Descriptor, V3ElectionReflection.Descriptor, HealthReflection.Descriptor,
    ];
}
