using Orchestrator.Api;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>The objects of one pod's volumes: each is followed from its first reading on.</summary>
/// <param name="changed">Called, quickly, when one of them may have changed.</param>
internal sealed class PodObjects(WatchedObjects watched, string ns, Action changed) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(Type Kind, string Name), IDisposable> _followed = [];

    /// <returns>Null where there is none.</returns>
    public Task<T?> ReadAsync<T>(string name, CancellationToken ct) where T : class, IKubernetesObject<T>
    {
        WatchedObjects.Following<T> following;
        lock (_gate)
        {
            if (!_followed.TryGetValue((typeof(T), name), out IDisposable? known))
                _followed[(typeof(T), name)] = known = watched.Follow<T>(ns, name, changed);
            following = (WatchedObjects.Following<T>)known;
        }
        return following.ReadAsync(ct);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (IDisposable following in _followed.Values)
                following.Dispose();
            _followed.Clear();
        }
    }
}
