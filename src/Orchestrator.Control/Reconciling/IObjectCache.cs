namespace Orchestrator.Control.Reconciling;

/// <summary>What the informers know, at one moment. Objects are shared: never change one, clone it first.</summary>
/// <remarks>Holds the kinds of the controller's <see cref="ControllerDescription.Watches"/> and
/// <see cref="ControllerDescription.Polls"/>; asking for another kind is an error of the controller's.</remarks>
public interface IObjectCache
{
    T? Get<T>(string namespaceName, string name) where T : class, IKubernetesObject<T>;

    /// <summary>All objects of a kind in a namespace; in all namespaces when it is "". Ordered by nothing.</summary>
    IReadOnlyList<T> List<T>(string namespaceName = "") where T : class, IKubernetesObject<T>;

    /// <summary>Objects whose managing controller has this uid.</summary>
    IReadOnlyList<T> ByController<T>(string uid) where T : class, IKubernetesObject<T>;

    /// <summary>Objects of a namespace without a managing controller.</summary>
    IReadOnlyList<T> Orphans<T>(string namespaceName) where T : class, IKubernetesObject<T>;

    /// <summary>Objects under a value of one of the controller's own <see cref="ControllerDescription.Indexes"/>.</summary>
    IReadOnlyList<T> ByIndex<T>(string index, string value) where T : class, IKubernetesObject<T>;

    /// <summary>An object of any kind, by uid. For controllers that watch everything
    /// (<see cref="ControllerDescription.WatchesEverything"/>); there the objects may hold no more than their metadata.</summary>
    IKubernetesObject? ByUid(string uid);

    /// <summary>Objects of any kind that name this uid among their owners; for controllers that watch everything.</summary>
    IReadOnlyList<IKubernetesObject> Dependents(string uid);

    /// <summary>An object of a kind that is known only at run time.</summary>
    IKubernetesObject? Get(GroupVersionKind kind, string namespaceName, string name);

    /// <summary>The resourceVersion up to which the cache has seen the changes of a kind (the newest of its list, events and
    /// bookmarks); 0 if it does not know.</summary>
    long SeenResourceVersion(GroupVersionKind kind);
}
