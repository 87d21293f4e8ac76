using System.Runtime.InteropServices;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Informers;

/// <summary>The objects of one resource by key, with indexes that are kept up to date with each change.</summary>
/// <remarks>Thread-safe; whatever is handed out is a copy of the list, and the objects themselves are shared and must not be
/// changed. Built-in indexes are by namespace, by controller and, for objects without a controller, by namespace.</remarks>
internal sealed class ObjectStore
{
    public const string NamespaceIndex = "namespace";
    public const string ControllerIndex = "controller";
    public const string OrphanIndex = "orphan";

    private static readonly string[] None = [];

    private readonly Lock _lock = new();
    private readonly Dictionary<NamespacedName, IKubernetesObject> _items = [];
    private readonly Dictionary<string, Index> _indexes = [];

    public ObjectStore()
    {
        _indexes.Add(NamespaceIndex, new Index(static item => [item.Namespace]));
        _indexes.Add(ControllerIndex, new Index(static item => item.ControllerOwner is { Uid: { } uid } ? [uid] : None));
        _indexes.Add(OrphanIndex, new Index(static item => item.ControllerOwner is null ? [item.Namespace] : None));
    }

    public int Count
    {
        get
        {
            lock (_lock)
                return _items.Count;
        }
    }

    /// <summary>Adds an index, over what is there already too. A name can be taken once.</summary>
    public void AddIndex(string name, Func<IKubernetesObject, IEnumerable<string>> values)
    {
        lock (_lock)
        {
            var index = new Index(values);
            _indexes.Add(name, index);
            foreach (var (key, item) in _items)
                index.Change(key, null, item);
        }
    }

    public bool HasIndex(string name)
    {
        lock (_lock)
            return _indexes.ContainsKey(name);
    }

    /// <returns>What was there before.</returns>
    public IKubernetesObject? Set(IKubernetesObject item)
    {
        lock (_lock)
        {
            var key = item.Key;
            ref var slot = ref CollectionsMarshal.GetValueRefOrAddDefault(_items, key, out _);
            var old = slot;
            slot = item;
            foreach (var index in _indexes.Values)
                index.Change(key, old, item);
            return old;
        }
    }

    /// <returns>What was there.</returns>
    public IKubernetesObject? Remove(NamespacedName key)
    {
        lock (_lock)
        {
            if (!_items.Remove(key, out var old))
                return null;
            foreach (var index in _indexes.Values)
                index.Change(key, old, null);
            return old;
        }
    }

    public IKubernetesObject? Get(NamespacedName key)
    {
        lock (_lock)
            return _items.GetValueOrDefault(key);
    }

    public List<T> List<T>()
        where T : class, IKubernetesObject
    {
        lock (_lock)
        {
            var list = new List<T>(_items.Count);
            foreach (var item in _items.Values)
                list.Add((T)item);
            return list;
        }
    }

    /// <exception cref="KeyNotFoundException">There is no such index.</exception>
    public List<T> ByIndex<T>(string name, string value)
        where T : class, IKubernetesObject
    {
        lock (_lock)
            return _indexes[name].Find<T>(value);
    }

    /// <summary>How many objects stand under a value, without copying them.</summary>
    public int CountByIndex(string name, string value)
    {
        lock (_lock)
            return _indexes[name].Count(value);
    }

    private sealed class Index(Func<IKubernetesObject, IEnumerable<string>> values)
    {
        private readonly Dictionary<string, Dictionary<NamespacedName, IKubernetesObject>> _byValue = [];

        public void Change(NamespacedName key, IKubernetesObject? old, IKubernetesObject? item)
        {
            if (old is not null)
            {
                foreach (string value in values(old))
                    Remove(value, key);
            }
            if (item is not null)
            {
                foreach (string value in values(item))
                    Add(value, key, item);
            }
        }

        public List<T> Find<T>(string value)
            where T : class, IKubernetesObject
        {
            if (!_byValue.TryGetValue(value, out var items))
                return [];
            var list = new List<T>(items.Count);
            foreach (var item in items.Values)
                list.Add((T)item);
            return list;
        }

        public int Count(string value) => _byValue.TryGetValue(value, out var items) ? items.Count : 0;

        private void Add(string value, NamespacedName key, IKubernetesObject item)
        {
            ref var items = ref CollectionsMarshal.GetValueRefOrAddDefault(_byValue, value, out _);
            items ??= [];
            items[key] = item;
        }

        private void Remove(string value, NamespacedName key)
        {
            if (_byValue.TryGetValue(value, out var items) && items.Remove(key) && items.Count == 0)
                _byValue.Remove(value);
        }
    }
}
