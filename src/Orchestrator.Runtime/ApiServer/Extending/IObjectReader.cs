using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer;

/// <summary>Objects as this server's watch caches have them: a few milliseconds old, without a round trip. What is returned
/// is shared: never to be changed (<c>DeepClone()</c> first).</summary>
public interface IObjectReader
{
    /// <summary>Null if it is not there.</summary>
    /// <param name="ns">Empty for cluster-scoped resources.</param>
    ValueTask<T?> GetAsync<T>(string ns, string name, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>;

    /// <summary>The same, read from the store now: for what must not be missed.</summary>
    ValueTask<T?> GetLiveAsync<T>(string ns, string name, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>;

    /// <param name="ns">Null for all namespaces, and for cluster-scoped resources.</param>
    /// <returns>For all namespaces the very same instance until something changes: whoever derives an index from it can keep
    /// that by reference.</returns>
    ValueTask<IReadOnlyList<T>> ListAsync<T>(string? ns = null, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>;

    /// <summary>Those whose indexed field (of pods: <c>spec.nodeName</c>) has this value. Others are passed over without being
    /// made into objects.</summary>
    /// <param name="ns">Null for all namespaces.</param>
    ValueTask<IReadOnlyList<T>> ListIndexedAsync<T>(string? ns, string value, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>;
}

/// <summary>Writes of the server itself: no authorization, no admission; defaulting, validation and strategies as for
/// clients.</summary>
public interface IObjectWriter
{
    /// <exception cref="ApiException">AlreadyExists, Invalid.</exception>
    Task<T> CreateAsync<T>(T value, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>;

    /// <summary>By resourceVersion, if it has one.</summary>
    /// <exception cref="ApiException">Conflict, NotFound, Invalid.</exception>
    Task<T> UpdateAsync<T>(T value, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>;

    Task<T> UpdateStatusAsync<T>(T value, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>;
}
