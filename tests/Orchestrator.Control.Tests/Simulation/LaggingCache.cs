namespace Orchestrator.Control.Tests.Simulation;

/// <summary>What one process has seen of the cluster: behind it by some changes, in order for each kind.</summary>
public sealed class LaggingCache : IObjectCache
{
    private readonly Dictionary<(GroupVersionKind, string, string), IKubernetesObject> _objects = [];
    private readonly Dictionary<GroupVersionKind, Queue<(long Version, IKubernetesObject? Old, IKubernetesObject? New)>> _pending = [];
    private readonly Dictionary<GroupVersionKind, long> _seen = [];
    private readonly IReadOnlyList<ObjectIndex> _indexes;
    private readonly long _listedAt;

    public LaggingCache(FakeCluster api, IReadOnlyList<ObjectIndex> indexes)
    {
        _indexes = indexes;
        _listedAt = api.Version;
        foreach (var item in api.Objects)
            _objects[KeyOf(item)] = item;
    }

    public IEnumerable<GroupVersionKind> Behind => _pending.Where(kind => kind.Value.Count > 0).Select(kind => kind.Key);

    public IEnumerable<IKubernetesObject> Objects => _objects.Values;

    public void Enqueue(long version, IKubernetesObject? before, IKubernetesObject? after)
    {
        var kind = (after ?? before)!.GroupVersionKind;
        if (!_pending.TryGetValue(kind, out var changes))
            _pending.Add(kind, changes = new());
        changes.Enqueue((version, before, after));
    }

    /// <summary>Shows the next change of a kind.</summary>
    public ObjectChange Deliver(GroupVersionKind kind)
    {
        var (version, before, after) = _pending[kind].Dequeue();
        _seen[kind] = version;
        var current = (after ?? before)!;
        if (after is null)
            _objects.Remove(KeyOf(current));
        else
            _objects[KeyOf(current)] = after;
        return new ObjectChange(before, after);
    }

    public T? Get<T>(string namespaceName, string name) where T : class, IKubernetesObject<T> =>
        _objects.GetValueOrDefault((T.StaticKind, namespaceName, name)) as T;

    public IReadOnlyList<T> List<T>(string namespaceName = "") where T : class, IKubernetesObject<T> =>
        _objects.Values.OfType<T>().Where(item => namespaceName.Length == 0 || item.Namespace == namespaceName).ToList();

    public IReadOnlyList<T> ByController<T>(string uid) where T : class, IKubernetesObject<T> =>
        _objects.Values.OfType<T>().Where(item => item.ControllerOwner?.Uid == uid).ToList();

    public IReadOnlyList<T> Orphans<T>(string namespaceName) where T : class, IKubernetesObject<T> =>
        List<T>(namespaceName).Where(item => item.ControllerOwner is null).ToList();

    public IReadOnlyList<T> ByIndex<T>(string index, string value) where T : class, IKubernetesObject<T>
    {
        var values = _indexes.Single(i => i.Kind == T.StaticKind && i.Name == index).Values;
        return _objects.Values.OfType<T>().Where(item => values(item).Contains(value)).ToList();
    }

    public IKubernetesObject? ByUid(string uid) => _objects.Values.FirstOrDefault(item => item.Uid == uid);

    public IReadOnlyList<IKubernetesObject> Dependents(string uid) =>
        _objects.Values.Where(item => item.Metadata.OwnerReferences.OrEmpty().Any(owner => owner.Uid == uid)).ToList();

    public IKubernetesObject? Get(GroupVersionKind kind, string namespaceName, string name) =>
        _objects.GetValueOrDefault((kind, namespaceName, name));

    public long SeenResourceVersion(GroupVersionKind kind) => Math.Max(_listedAt, _seen.GetValueOrDefault(kind));

    private static (GroupVersionKind, string, string) KeyOf(IKubernetesObject item) =>
        (item.GroupVersionKind, item.Namespace, item.Name);
}
