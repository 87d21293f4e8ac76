using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Proxy.Netfilter;

namespace Orchestrator.Runtime.Proxy;

/// <summary>Makes services reachable on a node: follows services and endpoints and keeps the kernel's rules as they say.</summary>
/// <remarks>
/// One loop owns the rules. While it writes a transaction, changes gather; then they are written together. Nothing waits longer
/// than that. Ending it leaves the rules in force, so that connections outlive the process; <see cref="RemoveAsync()"/> takes them away.
/// </remarks>
public sealed class ServiceProxy : IAsyncDisposable
{
    /// <summary>Of the meter that tells how rules are kept.</summary>
    public const string MeterName = ProxyMetrics.MeterName;

    private static readonly TimeSpan RetryLimit = TimeSpan.FromSeconds(30);

    private readonly ServiceProxyOptions _options;
    private readonly IReadOnlyList<string> _serviceCidrs;
    private readonly ServiceFollower _follower;
    private readonly Departures _departures = new();
    private readonly NamespaceSettings _settings;
    private readonly NftCommand _nft;
    private readonly NetfilterSocket _socket;
    private readonly IReadOnlyList<TableKeeper> _keepers;
    private readonly HealthCheckPorts _health;
    private readonly ProxyMetrics _metrics;
    private readonly CancellationTokenSource _stop = new();

    // Signals of the loop: something has changed (false), it is time to look around (true).
    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(2) { FullMode = BoundedChannelFullMode.DropWrite });

    // What each service adds, of each keeper's family.
    private readonly List<Dictionary<NamespacedName, ServiceRules>> _rules;
    private readonly List<UdpServices> _udpServices;
    private string? _zone;

    // What the kernel holds is not what it shall: from the beginning, and after a failure.
    private bool _isPending = true;
    private long _nextRetry;
    private TimeSpan _pause = TimeSpan.FromSeconds(1);
    private long _lastFullCheck;
    private Task _following = Task.CompletedTask;
    private Task _running = Task.CompletedTask;
    private int _isDisposed;

    private ServiceProxy(ServiceProxyOptions options, ApiClient client, NetfilterSocket socket)
    {
        _options = options;
        _socket = socket;
        _serviceCidrs = CidrsOf(options);
        _follower = new ServiceFollower(client, options, () => _wakes.Writer.TryWrite(false));
        _settings = new NamespaceSettings(options.Network, _serviceCidrs, options.Log);
        _nft = new NftCommand(options.Network);
        _health = new HealthCheckPorts(options.Network, options.Log);
        var others = new ForeignChanges(socket);
        _keepers =
        [
            .. _serviceCidrs.Select(IpFamilies.OfRange).OfType<IpFamily>().Distinct()
                .Select(family => new TableKeeper(family, ProxySettings.DefaultTableName, _nft, others, options.Clock, options.Log)),
        ];
        _rules = [.. _keepers.Select(_ => new Dictionary<NamespacedName, ServiceRules>())];
        _udpServices = [.. _keepers.Select(_ => UdpServices.None)];
        _metrics = new ProxyMetrics(() => _keepers.Sum(keeper => keeper.RuleCount));
    }

    /// <summary>How often a whole table was written, and how often what had changed of one.</summary>
    public (int Wholes, int Differences) TransactionCounts =>
        (_keepers.Sum(keeper => keeper.WholeCount), _keepers.Sum(keeper => keeper.DifferenceCount));

    /// <summary>The size of the last transaction that changed something.</summary>
    public int LastTransactionBytes => _keepers.Max(keeper => keeper.LastTransactionBytes);

    /// <summary>Starts it, and completes once the rules of all services are in force.</summary>
    /// <exception cref="ServiceProxyException">The machine lacks something, or its kernel refuses: one line.</exception>
    public static async Task<ServiceProxy> StartAsync(ServiceProxyOptions options, ApiClient client, CancellationToken ct)
    {
        var proxy = new ServiceProxy(options, client, await NetfilterSocket.OpenAsync(options.Network));
        try
        {
            await proxy.StartAsync(ct);
            return proxy;
        }
        catch
        {
            await proxy.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes away what an earlier life of any process has left in a network namespace: all rules, and the route.</summary>
    /// <exception cref="ServiceProxyException">It cannot be removed.</exception>
    public static async Task RemoveAsync(ServiceProxyOptions options)
    {
        var nft = new NftCommand(options.Network);
        foreach (var family in CidrsOf(options).Select(IpFamilies.OfRange).OfType<IpFamily>().Distinct())
            await nft.DeleteAsync(family, ProxySettings.DefaultTableName);
        await new NamespaceSettings(options.Network, CidrsOf(options), options.Log).RemoveAsync();
    }

    /// <summary>Completes once the rules in force send nobody to a pod of this node that ends, unless its service has no other.</summary>
    /// <param name="pod">Its uid.</param>
    public async Task LeaveAsync(string pod, CancellationToken ct)
    {
        if (!_departures.IsSentTo(pod) && !_follower.IsSentTo(pod))
            return;
        Task gone = _departures.AwaitAsync(pod, ct);
        _wakes.Writer.TryWrite(false); // The change may have come before the wait.
        await gone;
        await Task.Delay(_options.OtherNodesDelay, _options.Clock, ct);
    }

    /// <summary>Ends it and takes its rules away.</summary>
    public async Task RemoveAsync()
    {
        await DisposeAsync();
        await RemoveAsync(_options);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await _stop.CancelAsync();
        await _running;
        await _following;
        await _health.DisposeAsync();
        _metrics.Dispose();
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task StartAsync(CancellationToken ct)
    {
        if (_keepers.Count == 0)
            throw new ServiceProxyException($"\"{_options.ServiceCidr}\" is no range of addresses");
        await _settings.EnsureAsync();
        _following = _follower.RunAsync(_stop.Token);
        await _follower.WaitForSyncAsync(ct);
        await SyncAsync();
        _lastFullCheck = _options.Clock.GetTimestamp();
        _running = RunAsync();
    }

    private async Task RunAsync()
    {
        using var timer = _options.Clock.CreateTimer(
            _ => _wakes.Writer.TryWrite(true), null, _options.LookInterval, _options.LookInterval);
        try
        {
            while (true)
            {
                bool isTime = await _wakes.Reader.ReadAsync(_stop.Token);
                await TurnAsync(isTime);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The end.
        }
    }

    /// <summary>One turn of the loop; what fails is tried again after a pause that grows.</summary>
    private async Task TurnAsync(bool isTime)
    {
        try
        {
            if (!_isPending || _options.Clock.GetTimestamp() >= _nextRetry)
                await SyncAsync();
            if (isTime && !_isPending)
                await LookAroundAsync();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _metrics.Failed();
            _options.Log.LogError("services' rules are not up to date, next try in {Pause} s: {Reason}", _pause.TotalSeconds, e.Message);
            _isPending = true;
            _nextRetry = _options.Clock.GetTimestamp() + (long)(_pause.TotalSeconds * _options.Clock.TimestampFrequency);
            _pause = _pause * 2 < RetryLimit ? _pause * 2 : RetryLimit;
        }
    }

    private async Task SyncAsync()
    {
        string zone = _follower.NodeZone;
        bool isAll = zone != _zone;
        _zone = zone;
        // In this order: what changes while all are read is looked at once more.
        var changed = _follower.TakeChanged();
        if (isAll)
            changed = [.. changed.Union(_follower.Services.Select(service => service.Key))];
        if (changed.Count == 0 && !_isPending)
        {
            _departures.Settle(_follower.IsSentTo);
            return;
        }
        foreach (var service in changed)
            _departures.Set(service, _follower.PodsOf(service));
        long begin = _options.Clock.GetTimestamp();
        var health = new List<ServiceHealth>();
        for (int i = 0; i < _keepers.Count; i++)
            health.AddRange(await SyncAsync(i, zone, changed));
        await _health.SetAsync(health);
        _isPending = false;
        _pause = TimeSpan.FromSeconds(1);
        _departures.Settle(_follower.IsSentTo);
        _metrics.Synced(_options.Clock.GetElapsedTime(begin));
    }

    private async Task<IReadOnlyList<ServiceHealth>> SyncAsync(int index, string zone, IReadOnlyCollection<NamespacedName> changed)
    {
        var settings = SettingsOf(_keepers[index].Family, zone);
        var rules = _rules[index];
        foreach (var key in changed)
        {
            if (_follower.Service(key) is { } service && ServiceRules.For(service, _follower.SlicesOf(key), settings) is { } made)
                rules[key] = made;
            else
                rules.Remove(key);
        }
        var table = ProxyTable.Compose(settings, rules.Values);
        await _keepers[index].ApplyAsync(table.Table);
        ForgetConversations(index, table.UdpServices);
        return table.Health;
    }

    private void ForgetConversations(int index, UdpServices now)
    {
        var before = _udpServices[index];
        if (now.IsSame(before))
            return;
        int count = ConnectionTable.ForgetUdp(_socket, _keepers[index].Family, flow => now.IsStale(flow, before));
        _udpServices[index] = now;
        if (count > 0)
            _options.Log.LogDebug("{Count} UDP conversations with endpoints that are gone were forgotten", count);
    }

    private async Task LookAroundAsync()
    {
        bool isFull = _options.Clock.GetElapsedTime(_lastFullCheck) >= _options.FullCheckInterval;
        if (isFull)
        {
            _lastFullCheck = _options.Clock.GetTimestamp();
            await _settings.EnsureAsync();
        }
        foreach (var keeper in _keepers)
            await keeper.CheckAsync(isFull);
    }

    private ProxySettings SettingsOf(IpFamily family, string zone) => new()
    {
        Family = family,
        NodeName = _options.NodeName,
        NodeAddresses = _options.NodeAddresses,
        Zone = zone,
        PodCidrs = _options.PodCidrs,
        ServiceCidrs = _serviceCidrs,
        MasqueradesPodTraffic = _options.MasqueradesPodTraffic,
    };

    private static string[] CidrsOf(ServiceProxyOptions options) =>
        options.ServiceCidr.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
