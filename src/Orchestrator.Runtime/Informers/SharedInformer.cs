using Orchestrator.Api;

namespace Orchestrator.Runtime.Informers;

/// <summary>An <see cref="Informers.Informer"/> with its objects' type.</summary>
public sealed class SharedInformer<T>(Informer informer)
    where T : class, IKubernetesObject<T>
{
    /// <summary>What is shared by all who ask for this kind.</summary>
    public Informer Informer => informer;

    public bool HasSynced => informer.HasSynced;

    public T? Get(string ns, string name) => (T?)informer.Get(ns, name);

    public T? Get(NamespacedName key) => (T?)informer.Get(key);

    /// <summary>All objects, or those of one namespace.</summary>
    public IReadOnlyList<T> List(string ns = "") => informer.List<T>(ns);

    /// <summary>Objects whose managing controller has this uid.</summary>
    public IReadOnlyList<T> ByController(string uid) => informer.ByIndex<T>(ObjectStore.ControllerIndex, uid);

    public IReadOnlyList<T> ByIndex(string index, string value) => informer.ByIndex<T>(index, value);

    public void AddIndex(string name, Func<T, IEnumerable<string>> values) =>
        informer.AddIndex(name, item => values((T)item));

    /// <summary>Calls these for what is there and for every change from then on; quick ones only, see
    /// <see cref="Informers.Informer"/>.</summary>
    /// <param name="deleted">The last state, and whether that is only what was known before the deletion was missed.</param>
    public IDisposable AddHandler(Action<T>? added = null, Action<T, T>? updated = null, Action<T, bool>? deleted = null) =>
        informer.AddHandler(change =>
        {
            switch (change.Type)
            {
                case InformerChangeType.Added: added?.Invoke((T)change.New!); break;
                case InformerChangeType.Updated: updated?.Invoke((T)change.Old!, (T)change.New!); break;
                default: deleted?.Invoke((T)change.Old!, change.IsFinalStateUnknown); break;
            }
        });
}
