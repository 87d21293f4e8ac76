using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>What all kubelets of one process share: the way to the API, the clock, the writers of status and events.</summary>
public sealed class KubeletServices : IAsyncDisposable
{
    /// <summary>Requests for nodes and leases under way at once.</summary>
    private const int NodeRequestLimit = 8;

    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _watchingServices;

    public KubeletServices(IKubeletApi api, TimeProvider clock, EventLimits? eventLimits = null)
    {
        Api = api;
        Alarms = new Alarms(clock);
        Stopping = _stopping.Token;
        StatusWriter = new PodStatusWriter(api, Alarms, Stopping);
        Events = new KubeletEvents(api, Alarms, eventLimits ?? new EventLimits(), Stopping);
        _watchingServices = Task.Run(WatchServicesAsync, CancellationToken.None);
    }

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
        await _watchingServices;
    }

    private async Task WatchServicesAsync()
    {
        try
        {
            await Api.WatchAsync(null, ServiceCatalog, Stopping);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
