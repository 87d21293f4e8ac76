using System.Net;
using System.Net.Sockets;
using KvStore.Client;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.MetaV1;
using EndpointSlice = Orchestrator.Api.DiscoveryV1.EndpointSlice;

namespace Orchestrator.Runtime.ApiServer.Services;

/// <summary>What every cluster has: the four system namespaces, the service <c>kubernetes</c>, and in its endpoints all API
/// servers that live.</summary>
internal sealed partial class SystemObjects : IAsyncDisposable
{
    private const string ServiceName = "kubernetes";
    private const string DefaultNamespace = "default";
    private const int HttpsPort = 443;

    /// <summary>Losing so often against other API servers leaves the rest to the next round.</summary>
    private const int MaxAttempts = 5;

    private static readonly string[] Namespaces = ["kube-system", "kube-public", "kube-node-lease", DefaultNamespace];
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly EtcdClient _store;
    private readonly MasterLeases _leases;
    private readonly ApiServerServices _services;
    private readonly IPAddress _serviceAddress;
    private readonly IPEndPoint _ownAddress;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private GrantedLease? _lease;
    private Task _run = Task.CompletedTask;

    public SystemObjects(
        EtcdClient store, ApiServerServices services, IPAddress serviceAddress, IPEndPoint ownAddress, ILogger log)
    {
        _store = store;
        _leases = new MasterLeases(store);
        _services = services;
        _serviceAddress = serviceAddress;
        _ownAddress = ownAddress;
        _log = log;
    }

    /// <summary>Before anything is served.</summary>
    public static async Task CreateNamespacesAsync(ApiServerServices services, CancellationToken cancellationToken)
    {
        foreach (string name in Namespaces)
        {
            if (await services.Objects.GetLiveAsync<Namespace>("", name, cancellationToken).ConfigureAwait(false) is null)
                await CreateAsync(services, new Namespace { Metadata = new ObjectMeta { Name = name } }, cancellationToken)
                    .ConfigureAwait(false);
        }
    }

    /// <summary>Writes all once, and keeps it up from then on.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await ReconcileAsync(cancellationToken).ConfigureAwait(false);
        _run = Task.Run(RunAsync, CancellationToken.None);
    }

    /// <summary>The other servers take the own address out of the endpoints with their next round.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            // The lease, not the key: another server that has this address by now has put it on its own.
            if (_lease is { } lease)
                await _store.Lease.RevokeAsync(lease.Id, cancellationToken: limit.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is EtcdException or UnknownOutcomeException or OperationCanceledException)
        {
            // Its lease ends by itself.
        }

        _stop.Dispose();
    }

    private static async Task CreateAsync<T>(ApiServerServices services, T value, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<T>
    {
        try
        {
            await services.Writer.CreateAsync(value, cancellationToken).ConfigureAwait(false);
        }
        catch (ApiException exception) when (exception.IsAlreadyExists)
        {
            // Another API server was faster.
        }
    }

    private async Task RunAsync()
    {
        while (true)
        {
            await Task.Delay(Interval, _services.Clock, _stop.Token).ConfigureAwait(false);
            try
            {
                await ReconcileAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (!_stop.IsCancellationRequested)
            {
                LogFailed(exception);
            }
        }
    }

    private async Task ReconcileAsync(CancellationToken cancellationToken)
    {
        await CreateNamespacesAsync(_services, cancellationToken).ConfigureAwait(false);
        await KeepServiceAsync(cancellationToken).ConfigureAwait(false);
        // Endpoints on loopback would be each client's own: Kubernetes' validation refuses them.
        if (IPAddress.IsLoopback(_ownAddress.Address))
            return;
        await AnnounceAsync(cancellationToken).ConfigureAwait(false);
        var addresses = await _leases.ListAsync(cancellationToken).ConfigureAwait(false);
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            if (await KeepEndpointsAsync(addresses, cancellationToken).ConfigureAwait(false)
                && await KeepSliceAsync(addresses, cancellationToken).ConfigureAwait(false))
                return;
        }
    }

    private async Task AnnounceAsync(CancellationToken cancellationToken)
    {
        if (_lease is { } lease)
        {
            try
            {
                await _store.Lease.RenewAsync(lease.Id, cancellationToken: cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (EtcdException exception) when (exception.Is(EtcdErrors.LeaseNotFound))
            {
                // It ran out while the store was away.
            }
        }

        _lease = await _store.Lease.GrantAsync(MasterLeases.TimeToLive, cancellationToken: cancellationToken).ConfigureAwait(false);
        await _leases.AnnounceAsync(_ownAddress.Address, _lease.Id, cancellationToken).ConfigureAwait(false);
    }

    private async Task KeepServiceAsync(CancellationToken cancellationToken)
    {
        if (await _services.Objects.GetLiveAsync<Service>(DefaultNamespace, ServiceName, cancellationToken).ConfigureAwait(false)
            is not null)
            return;
        await CreateAsync(_services, new Service
        {
            Metadata = new ObjectMeta
            {
                Name = ServiceName,
                Namespace = DefaultNamespace,
                Labels = new Dictionary<string, string> { ["component"] = "apiserver", ["provider"] = "kubernetes" },
            },
            Spec = new ServiceSpec
            {
                ClusterIP = _serviceAddress.ToString(),
                ClusterIPs = [_serviceAddress.ToString()],
                IpFamilies = [_serviceAddress.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4"],
                IpFamilyPolicy = "SingleStack",
                Type = "ClusterIP",
                SessionAffinity = "None",
                Ports = [new ServicePort { Name = "https", Port = HttpsPort, TargetPort = _ownAddress.Port, Protocol = "TCP" }],
            },
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> KeepEndpointsAsync(IReadOnlyList<string> addresses, CancellationToken cancellationToken)
    {
        var wanted = new List<EndpointSubset>
        {
            new()
            {
                Addresses = [.. addresses.Select(address => new EndpointAddress { Ip = address })],
                Ports = [new Api.CoreV1.EndpointPort { Name = "https", Port = _ownAddress.Port, Protocol = "TCP" }],
            },
        };
        var found = await _services.Objects.GetLiveAsync<Endpoints>(DefaultNamespace, ServiceName, cancellationToken)
            .ConfigureAwait(false);
        if (found is null)
        {
            await CreateAsync(_services, new Endpoints
            {
                Metadata = new ObjectMeta
                {
                    Name = ServiceName, Namespace = DefaultNamespace,
                    // The slice is kept here, too: nobody is to mirror it.
                    Labels = new Dictionary<string, string> { ["endpointslice.kubernetes.io/skip-mirror"] = "true" },
                },
                Subsets = wanted,
            }, cancellationToken).ConfigureAwait(false);
            return false;
        }

        if (found.Subsets is [var subset] && subset.DeepEquals(wanted[0]))
            return true;
        var updated = found.DeepClone();
        updated.Subsets = wanted;
        return await UpdateAsync(updated, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> KeepSliceAsync(IReadOnlyList<string> addresses, CancellationToken cancellationToken)
    {
        var wanted = addresses.Select(address => new Endpoint
        {
            Addresses = [address], Conditions = new EndpointConditions { Ready = true },
        }).ToList();
        var found = await _services.Objects.GetLiveAsync<EndpointSlice>(DefaultNamespace, ServiceName, cancellationToken)
            .ConfigureAwait(false);
        if (found is null)
        {
            await CreateAsync(_services, new EndpointSlice
            {
                Metadata = new ObjectMeta
                {
                    Name = ServiceName, Namespace = DefaultNamespace,
                    Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = ServiceName },
                },
                AddressType = _ownAddress.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4",
                Endpoints = wanted,
                Ports = [new Api.DiscoveryV1.EndpointPort { Name = "https", Port = _ownAddress.Port, Protocol = "TCP" }],
            }, cancellationToken).ConfigureAwait(false);
            return false;
        }

        if (found.Endpoints.OrEmpty().Count == wanted.Count
            && found.Endpoints.OrEmpty().Zip(wanted).All(pair => pair.First.DeepEquals(pair.Second)))
            return true;
        var updated = found.DeepClone();
        updated.Endpoints = wanted;
        return await UpdateAsync(updated, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> UpdateAsync<T>(T value, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<T>
    {
        try
        {
            await _services.Writer.UpdateAsync(value, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ApiException exception) when (exception.IsConflict || exception.IsNotFound)
        {
            // Another API server wrote it.
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the system's own objects were not kept up; the next round tries again")]
    private partial void LogFailed(Exception exception);
}
