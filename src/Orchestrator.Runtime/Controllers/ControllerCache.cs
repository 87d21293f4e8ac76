using Orchestrator.Api;
using Orchestrator.Control.Reconciling;
using Orchestrator.Runtime.Informers;

namespace Orchestrator.Runtime.Controllers;

/// <summary>What one controller may see of the informers: the kinds it declared, and its own indexes.</summary>
/// <remarks>Fixed once the controller runs; reads are thread-safe.</remarks>
internal sealed class ControllerCache : IObjectCache
{
    private const string UidIndex = "uid";
    private const string OwnerIndex = "owner";

    private readonly string _controller;
    private readonly Dictionary<GroupVersionKind, Informer> _informers = [];
    private readonly Dictionary<GroupVersionKind, PolledObjects> _polls = [];
    private readonly List<Informer> _everything = [];

    public ControllerCache(ControllerDescription controller, InformerFactory informers)
    {
        _controller = controller.Name;
        foreach (var watch in controller.Watches)
            _informers.TryAdd(watch.Kind, informers.For(watch.Kind));
        foreach (var index in controller.Indexes)
        {
            var informer = Informer(index.Kind);
            if (!informer.HasIndex(IndexName(index.Name)))
                informer.AddIndex(IndexName(index.Name), index.Values);
        }
        foreach (var poll in controller.Polls)
            _polls.Add(poll.Kind, new PolledObjects(poll, this));
    }

    public IReadOnlyCollection<PolledObjects> Polls => _polls.Values;

    /// <summary>The informers of the declared kinds.</summary>
    public IReadOnlyDictionary<GroupVersionKind, Informer> Informers => _informers;

    /// <summary>The informers of everything that can be listed, watched and deleted; empty unless it was asked for.</summary>
    public IReadOnlyList<Informer> Everything => _everything;

    /// <summary>Adds a resource to what <see cref="ByUid"/> and <see cref="Dependents"/> look through.</summary>
    public void Include(Informer informer)
    {
        _everything.Add(informer);
        if (!informer.HasIndex(UidIndex))
            informer.AddIndex(UidIndex, static item => [item.Uid]);
        if (!informer.HasIndex(OwnerIndex))
        {
            informer.AddIndex(
                OwnerIndex, static item => item.Metadata.OwnerReferences.OrEmpty().Select(owner => owner.Uid ?? "").Distinct());
        }
    }

    public bool Knows(GroupVersionKind kind) =>
        _informers.ContainsKey(kind) || _everything.Any(informer => informer.Resource.Kind == kind);

    public T? Get<T>(string namespaceName, string name)
        where T : class, IKubernetesObject<T> =>
        (T?)Get(T.StaticKind, namespaceName, name);

    public IReadOnlyList<T> List<T>(string namespaceName = "")
        where T : class, IKubernetesObject<T> =>
        _polls.TryGetValue(T.StaticKind, out var polled)
            ? polled.List<T>(namespaceName)
            : Informer(T.StaticKind).List<T>(namespaceName);

    public IReadOnlyList<T> ByController<T>(string uid)
        where T : class, IKubernetesObject<T> =>
        Informer(T.StaticKind).ByIndex<T>(ObjectStore.ControllerIndex, uid);

    public IReadOnlyList<T> Orphans<T>(string namespaceName)
        where T : class, IKubernetesObject<T> =>
        Informer(T.StaticKind).ByIndex<T>(ObjectStore.OrphanIndex, namespaceName);

    public IReadOnlyList<T> ByIndex<T>(string index, string value)
        where T : class, IKubernetesObject<T> =>
        Informer(T.StaticKind).ByIndex<T>(IndexName(index), value);

    public IKubernetesObject? ByUid(string uid)
    {
        foreach (var informer in _everything)
        {
            if (informer.ByIndex<IKubernetesObject>(UidIndex, uid) is [var found, ..])
                return found;
        }
        return null;
    }

    public IReadOnlyList<IKubernetesObject> Dependents(string uid)
    {
        var found = new List<IKubernetesObject>();
        foreach (var informer in _everything)
        {
            if (informer.CountByIndex(OwnerIndex, uid) > 0)
                found.AddRange(informer.ByIndex<IKubernetesObject>(OwnerIndex, uid));
        }
        return found;
    }

    public IKubernetesObject? Get(GroupVersionKind kind, string namespaceName, string name) =>
        _polls.TryGetValue(kind, out var polled) ? polled.Get(namespaceName, name) : Informer(kind).Get(namespaceName, name);

    public long SeenResourceVersion(GroupVersionKind kind) => Informer(kind).SeenResourceVersion;

    // Controllers share informers; their own indexes must not meet.
    private string IndexName(string name) => $"{_controller}/{name}";

    private Informer Informer(GroupVersionKind kind) =>
        _informers.GetValueOrDefault(kind)
        ?? _everything.Find(informer => informer.Resource.Kind == kind)
        ?? throw new InvalidOperationException($"{_controller} does not watch {kind}");
}
