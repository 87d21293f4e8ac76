using Orchestrator.Api;
using Orchestrator.Control.Reconciling;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Controllers;

/// <summary>Objects of a kind that cannot be watched, as they were listed last.</summary>
internal sealed class PolledObjects(Poll poll)
{
    private volatile IReadOnlyList<IKubernetesObject> _items = [];

    public IReadOnlyList<T> List<T>(string ns)
        where T : class =>
        [.. _items.Where(item => ns.Length == 0 || item.Namespace == ns).Cast<T>()];

    public IKubernetesObject? Get(string ns, string name) =>
        _items.FirstOrDefault(item => item.Name == name && item.Namespace == ns);

    /// <summary>Lists again and again. That nobody serves the kind makes the list empty; faults leave it as it was.</summary>
    public async Task RunAsync(ApiClient client, Action refreshed, CancellationToken cancellation)
    {
        var resource = ResourceTable.Served.ForKind(poll.Kind);
        while (resource is not null)
        {
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
