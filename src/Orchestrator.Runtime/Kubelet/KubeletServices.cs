using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>What all kubelets of one process share: the way to the API, the clock, the writers of status and events.</summary>
public sealed class KubeletServices : IAsyncDisposable
{
    /// <summary>Requests for nodes and leases under way at once.</summary>
    private const int NodeRequestLimit = 8;

    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private Task? _watchingServices;

    public KubeletServices(IKubeletApi api, TimeProvider clock, EventLimits? eventLimits = null)
    {
        Api = api;
        Alarms = new Alarms(clock);
        Stopping = _stopping.Token;
        StatusWriter = new PodStatusWriter(Alarms, Stopping);
        Events = new KubeletEvents(Alarms, eventLimits ?? new EventLimits(), Stopping);
    }

    /// <summary>The process's own way to the API; what a kubelet does it does as its node (<see cref="Kubelet.Api"/>).</summary>
    public IKubeletApi Api { get; }

    public Alarms Alarms { get; }

    internal CancellationToken Stopping { get; }

    internal PodStatusWriter StatusWriter { get; }

    internal KubeletEvents Events { get; }

    internal ServiceCatalog ServiceCatalog { get; } = new();

    internal SemaphoreSlim NodeRequests { get; } = new(NodeRequestLimit);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Alarms.Dispose();
        await StatusWriter.DisposeAsync();
        await Events.DisposeAsync();
        Task? watching;
        lock (_gate)
            watching = _watchingServices;
        if (watching is not null)
            await watching;
    }

    /// <summary>Follows the cluster's services for all kubelets, as the first that asks for it: every node may read them.</summary>
    internal void FollowServices(IKubeletApi api)
    {
        lock (_gate)
            _watchingServices ??= Task.Run(() => WatchServicesAsync(api), CancellationToken.None);
    }

    private async Task WatchServicesAsync(IKubeletApi api)
    {
        try
        {
            await api.WatchAsync(null, ServiceCatalog, Stopping);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
