using Orchestrator.Api;
using Orchestrator.Api.AuthenticationV1;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>What kubelets ask of the API server.</summary>
/// <remarks>Refusals are <see cref="ApiException"/>s; an <see cref="IOException"/> means that nobody answered.</remarks>
public interface IKubeletApi
{
    /// <summary>The same API, asked by a node: it may do what the node may.</summary>
    IKubeletApi As(string nodeName);

    /// <summary>
    /// Tells of the pods that are bound to nodes, first of those there are, until it is cancelled. A lost watch is begun anew
    /// inside, and what was missed told.
    /// </summary>
    /// <param name="nodeName">One node's pods; null: those of all nodes, for the kubelets of one process that share a watch.</param>
    Task WatchPodsAsync(string? nodeName, IPodSink pods, CancellationToken ct);

    /// <summary>
    /// Tells of objects, first of those there are, until it is cancelled; one thing at a time. What a lost watch missed is told.
    /// </summary>
    /// <param name="name">The one object of this name; null: all.</param>
    Task WatchAsync<T>(string? name, IObjectSink<T> objects, CancellationToken ct) where T : class, IKubernetesObject<T>;

    /// <summary>Tells of one object of a namespace, as above: what a node may read only because a pod of it names it.</summary>
    Task WatchAsync<T>(string ns, string name, IObjectSink<T> objects, CancellationToken ct) where T : class, IKubernetesObject<T>;

    /// <returns>Null where there is none.</returns>
    Task<T?> FindAsync<T>(string ns, string name, CancellationToken ct) where T : class, IKubernetesObject<T>;

    Task<T> CreateAsync<T>(T value, CancellationToken ct) where T : class, IKubernetesObject<T>;

    Task<T> UpdateAsync<T>(T value, CancellationToken ct) where T : class, IKubernetesObject<T>;

    /// <summary>A strategic merge patch.</summary>
    /// <param name="subresource">Empty: the object itself.</param>
    Task<T> PatchAsync<T>(string ns, string name, string subresource, ReadOnlyMemory<byte> patch, CancellationToken ct)
        where T : class, IKubernetesObject<T>;

    /// <summary>A JSON merge patch, for what has no strategy (events).</summary>
    Task MergeAsync<T>(string ns, string name, ReadOnlyMemory<byte> patch, CancellationToken ct) where T : class, IKubernetesObject<T>;

    /// <summary>Asks for a token of a service account.</summary>
    Task<TokenRequest> RequestTokenAsync(string ns, string serviceAccount, TokenRequest request, CancellationToken ct);

    /// <summary>Removes a pod that has been stopped: without grace, and only if it is the one meant.</summary>
    Task DeletePodAsync(string ns, string name, string uid, CancellationToken ct);
}

/// <summary>Hears of pods. A pod that is no longer this node's is deleted for it.</summary>
public interface IPodSink : IObjectSink<Pod>;
