using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Tests.Security;

/// <summary>Objects in memory, where a server's watch caches would be.</summary>
internal sealed class FakeObjects : IObjectReader
{
    private readonly Dictionary<(Type Type, string Namespace, string Name), IKubernetesObject> _objects = [];
    private readonly Dictionary<Type, object> _lists = [];

    public FakeObjects Put<T>(T value)
        where T : class, IKubernetesObject<T>
    {
        _objects[(typeof(T), value.Namespace, value.Name)] = value;
        _lists.Remove(typeof(T));
        return this;
    }

    public void Remove<T>(T value)
        where T : class, IKubernetesObject<T>
    {
        _objects.Remove((typeof(T), value.Namespace, value.Name));
        _lists.Remove(typeof(T));
    }

    public ValueTask<T?> GetAsync<T>(string ns, string name, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T> => new(_objects.GetValueOrDefault((typeof(T), ns, name)) as T);

    public ValueTask<T?> GetLiveAsync<T>(string ns, string name, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T> => GetAsync<T>(ns, name, cancellationToken);

    public async ValueTask<IReadOnlyList<T>> ListIndexedAsync<T>(string? ns, string value, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T> =>
        [.. (await ListAsync<T>(ns, cancellationToken)).Where(found => found is Pod pod && pod.Spec.NodeName == value)];

    public ValueTask<IReadOnlyList<T>> ListAsync<T>(string? ns = null, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>
    {
        if (!_lists.TryGetValue(typeof(T), out object? all))
            _lists[typeof(T)] = all = _objects.Where(pair => pair.Key.Type == typeof(T)).Select(pair => (T)pair.Value).ToList();
        var list = (IReadOnlyList<T>)all;
        return new(ns is null ? list : [.. list.Where(value => value.Namespace == ns)]);
    }
}
