using Orchestrator.Api;
using Orchestrator.Control.Reconciling;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Controllers;

/// <summary>Objects of a kind that cannot be watched, as they were listed last.</summary>
internal sealed class PolledObjects(Poll poll, IObjectCache cache)
{
    // How soon it is seen that somebody wants the list.
    private static readonly TimeSpan Attention = TimeSpan.FromSeconds(1);

    private volatile IReadOnlyList<IKubernetesObject> _items = [];

    public IReadOnlyList<T> List<T>(string ns)
        where T : class =>
        [.. _items.Where(item => ns.Length == 0 || item.Namespace == ns).Cast<T>()];

    public IKubernetesObject? Get(string ns, string name) =>
        _items.FirstOrDefault(item => item.Name == name && item.Namespace == ns);

    /// <summary>Lists again and again, while somebody wants it. That nobody serves the kind makes the list empty; faults leave it as it was.</summary>
    public async Task RunAsync(ApiClient client, Action refreshed, CancellationToken cancellation)
    {
        var resource = ResourceTable.Served.ForKind(poll.Kind);
        while (resource is not null)
        {
            if (!poll.IsWanted(cache))
            {
                _items = [];
                await Task.Delay(Attention, client.Time, cancellation);
                continue;
            }
            try
            {
                _items = (await client.ListAsync(resource, cancellation: cancellation)).Items;
                refreshed();
            }
            catch (ApiException)
            {
                _items = [];
            }
            catch (TransportException)
            {
                // The next time, then.
            }
            await Task.Delay(poll.Period, client.Time, cancellation);
        }
    }
}
