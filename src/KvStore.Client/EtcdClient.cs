using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>A client of one cluster that speaks etcd's v3 API: ours or etcd. Thread-safe; make one and keep it.</summary>
/// <remarks>
/// Connections are made with the first call. One endpoint serves until it fails; then another takes over. What that means:
/// <list type="bullet">
/// <item>A read is made again elsewhere until its time is up; then <see cref="EtcdException"/>.</item>
/// <item>A write is made again only where nothing was done for certain (no connection; refused for its token, or by a
/// learner). One that was sent and not answered ends with <see cref="UnknownOutcomeException"/>.</item>
/// <item>A refusal is an <see cref="EtcdException"/> with the server's code and text; it has changed nothing.</item>
/// <item>Watches and lease renewals go on elsewhere by themselves.</item>
/// <item>A cancelled call ends with <see cref="OperationCanceledException"/>; if it is a write that was sent, the inner
/// exception is the <see cref="UnknownOutcomeException"/>.</item>
/// </list>
/// </remarks>
public sealed class EtcdClient : IAsyncDisposable
{
    private readonly EndpointSet _endpoints;
    private readonly EndpointSync? _sync;

    public EtcdClient(ClientOptions options)
    {
        _endpoints = new EndpointSet(options);
        var credentials = new Credentials(options, _endpoints);
        var calls = new CallRunner(options, _endpoints, credentials);
        var streams = new StreamOpener(options, _endpoints, credentials);
        Kv = new KvClient(calls);
        Lease = new LeaseClient(calls, streams, options);
        Watch = new WatchClient(streams, options);
        Cluster = new ClusterClient(calls);
        Maintenance = new MaintenanceClient(calls, streams);
        Auth = new AuthClient(calls);
        Lock = new LockClient(calls);
        Election = new ElectionClient(calls, streams, options);
        if (options.EndpointSyncInterval != Timeout.InfiniteTimeSpan)
            _sync = new EndpointSync(this, options);
    }

    /// <summary>A client of these endpoints with the default options.</summary>
    public EtcdClient(params string[] endpoints)
        : this(new ClientOptions { Endpoints = endpoints })
    {
    }

    public KvClient Kv { get; }

    public LeaseClient Lease { get; }

    public WatchClient Watch { get; }

    public ClusterClient Cluster { get; }

    public MaintenanceClient Maintenance { get; }

    public AuthClient Auth { get; }

    public LockClient Lock { get; }

    public ElectionClient Election { get; }

    /// <summary>As given, or as last learnt from the cluster.</summary>
    public IReadOnlyList<string> Endpoints => _endpoints.Addresses;

    /// <summary>The endpoint that serves; the next call may find another.</summary>
    public string CurrentEndpoint => _endpoints.Current;

    /// <summary>Asks the cluster for its members' client URLs and uses those from now on; learners' and those of members that
    /// have not started are left out, and an empty answer changes nothing.</summary>
    /// <exception cref="EtcdException">No endpoint answered in time.</exception>
    public async Task SyncEndpointsAsync(CancellationToken cancellationToken = default)
    {
        var members = await Cluster.ListAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        _endpoints.Replace([.. members.Members.Where(IsUsable).SelectMany(member => member.ClientURLs)]);
    }

    /// <summary>Ends all watches and renewals, then the connections. Leases stay; calls under way fail.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_sync is not null)
            await _sync.DisposeAsync().ConfigureAwait(false);
        await Watch.DisposeAsync().ConfigureAwait(false);
        await Lease.DisposeAsync().ConfigureAwait(false);
        _endpoints.Dispose();
    }

    private static bool IsUsable(Member member) => !member.IsLearner && member.Name.Length > 0;
}
