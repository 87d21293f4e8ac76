using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.WorkQueues;

namespace Orchestrator.Runtime.Informers;

/// <summary>Keeps a copy of all objects of a resource by list and watch, and tells handlers of each change.</summary>
/// <remarks>
/// Gap-free: a watch that breaks goes on where it stopped; when the server no longer knows that point (410), everything is
/// listed anew and the difference is told as changes, deletions that were missed included. Handlers are called one at a time,
/// in order, after the store has the change; they must be quick and must not wait (put a key in a queue). Objects are shared
/// with everybody: never change one. They have no managed fields.
/// </remarks>
public sealed class Informer
{
    private const string InitialEventsEnd = "k8s.io/initial-events-end";

    // A watch that ends sooner without an event shows a server in trouble: pause before the next.
    private static readonly TimeSpan ShortWatch = TimeSpan.FromSeconds(1);

    // How long after the end that we asked the server for a watch is given up.
    private static readonly TimeSpan WatchGrace = TimeSpan.FromSeconds(30);

    private readonly ApiClient _client;
    private readonly InformerOptions _options;
    private readonly ObjectFormat _format;
    private readonly ObjectStore _store = new();
    private readonly Lock _dispatch = new();
    private readonly List<Action<InformerChange>> _handlers = [];
    private readonly Dictionary<NamespacedName, byte[]>? _copies;
    private readonly OneTimeSignal _synced = new();

    private bool _usesWatchList;

    // Where the watch goes on; null: list first.
    private string? _position;

    // The newest state ever seen; a new list must not be older, whichever server answers it.
    private string _newest = "";
    private long _seen;

    public Informer(ApiClient client, ResourceDescription resource, InformerOptions? options = null)
    {
        _client = client;
        Resource = resource;
        _options = options ?? new InformerOptions();
        _format = _options.IsMetadataOnly ? ObjectFormat.Metadata : ObjectFormat.Unmanaged;
        _usesWatchList = _options.UsesWatchList;
        _copies = _options.DetectsMutations ? [] : null;
    }

    public ResourceDescription Resource { get; }

    /// <summary>Whether the first list is in the store and was told to the handlers.</summary>
    public bool HasSynced => _synced.IsSet;

    /// <summary>Completes when <see cref="HasSynced"/> becomes true.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellation = default) => _synced.WaitAsync(cancellation);

    /// <summary>The resourceVersion up to which the store shows every change; 0 before the first list.</summary>
    public long SeenResourceVersion => Interlocked.Read(ref _seen);

    /// <summary>How often everything was listed; more than once only after the server had forgotten where we were.</summary>
    public int ListCount { get; private set; }

    public int Count => _store.Count;

    internal ObjectStore Store => _store;

    public IKubernetesObject? Get(NamespacedName key) => _store.Get(key);

    public IKubernetesObject? Get(string ns, string name) => _store.Get(new NamespacedName(ns, name));

    /// <summary>All objects, or those of one namespace.</summary>
    public IReadOnlyList<T> List<T>(string ns = "")
        where T : class, IKubernetesObject =>
        ns.Length == 0 ? _store.List<T>() : _store.ByIndex<T>(ObjectStore.NamespaceIndex, ns);

    /// <summary>Whether the objects are kept without anything but their metadata.</summary>
    public bool IsMetadataOnly => _options.IsMetadataOnly;

    /// <summary>How many objects stand under a value.</summary>
    public int CountByIndex(string index, string value) => _store.CountByIndex(index, value);

    public bool HasIndex(string index) => _store.HasIndex(index);

    public IReadOnlyList<T> ByIndex<T>(string index, string value)
        where T : class, IKubernetesObject =>
        _store.ByIndex<T>(index, value);

    /// <summary>Adds an index; each object stands under every value that <paramref name="values"/> gives for it.</summary>
    public void AddIndex(string name, Func<IKubernetesObject, IEnumerable<string>> values) => _store.AddIndex(name, values);

    /// <summary>Tells a handler of what is there now, as added, and of every change from then on.</summary>
    /// <returns>Ends it.</returns>
    public IDisposable AddHandler(Action<InformerChange> handler)
    {
        lock (_dispatch)
        {
            foreach (var item in _store.List<IKubernetesObject>())
                handler(new InformerChange(InformerChangeType.Added, null, item, IsInitial: true));
            _handlers.Add(handler);
        }
        return new Registration(this, handler);
    }

    /// <summary>Lists and watches until cancelled; faults are retried for ever.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var resync = _options.Resync is { } period ? ResyncAsync(period, cancellation) : Task.CompletedTask;
        try
        {
            await FollowAsync(cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end.
        }
        await resync;
    }

    /// <summary>The first object that somebody has changed in place; null if nobody did or nobody looks
    /// (<see cref="InformerOptions.DetectsMutations"/>).</summary>
    public NamespacedName? FindMutated()
    {
        if (_copies is null)
            return null;
        lock (_dispatch)
        {
            foreach (var (key, copy) in _copies)
            {
                if (_store.Get(key) is { } item && !KubernetesJson.Serialize(item).AsSpan().SequenceEqual(copy))
                    return key;
            }
        }
        return null;
    }

    private async Task FollowAsync(CancellationToken cancellation)
    {
        var pause = _options.RetryDelay;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            long begin = _client.Time.GetTimestamp();
            int eventCount = 0;
            bool isCalm = false;
            try
            {
                if (_position is null && !_usesWatchList)
                    await ListAsync(cancellation);
                await WatchAsync(() => eventCount++, cancellation);
                isCalm = eventCount > 0 || _client.Time.GetElapsedTime(begin) >= ShortWatch;
            }
            catch (ApiException refusal)
            {
                isCalm = TakeRefusal(refusal);
            }
            catch (Exception fault) when (fault is TransportException or JsonException)
            {
                LogFault(fault);
            }
            if (isCalm || eventCount > 0)
                pause = _options.RetryDelay;
            if (isCalm)
                continue;
            await Task.Delay(pause * (1 + _options.Jitter()), _client.Time, cancellation);
            pause = pause * 2 < _options.RetryLimit ? pause * 2 : _options.RetryLimit;
        }
    }

    /// <returns>Whether to go on at once.</returns>
    private bool TakeRefusal(ApiException refusal)
    {
        if (refusal.IsExpired)
        {
            // Whether the point to go on from or the state to list is too old: the next list is of the newest state.
            bool isAboutWatch = _position is not null;
            _position = null;
            if (!isAboutWatch)
                _newest = "";
            return isAboutWatch;
        }
        if (refusal.IsTooLargeResourceVersion() && _position is null)
        {
            _newest = "";
            return false;
        }
        if (_usesWatchList && _position is null && refusal.Status.Code is 400 or 405 or 415 or 422)
        {
            _usesWatchList = false;
            return true;
        }
        LogFault(refusal);
        return false;
    }

    private async Task ListAsync(CancellationToken cancellation)
    {
        // Without a version known, any state will do that some server has at hand; the watch brings the rest.
        var options = new ListOptions
        {
            LabelSelector = _options.LabelSelector,
            FieldSelector = _options.FieldSelector,
            ResourceVersion = ListCount == 0 ? "0" : _newest,
        };
        var list = await _client.ListAsync(_format, Resource, _options.Namespace, options, cancellation);
        var items = new Dictionary<NamespacedName, IKubernetesObject>(list.Items.Count);
        foreach (var item in list.Items)
            items[item.Key] = item;
        Replace(items, list.ResourceVersion);
    }

    private async Task WatchAsync(Action countEvent, CancellationToken cancellation)
    {
        var timeout = _options.WatchTimeout * (1 + _options.Jitter());
        using var limit = new CancellationTokenSource(timeout + WatchGrace, _client.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        // While the initial state is being sent it is gathered here; null afterwards.
        var initial = _position is null ? new Dictionary<NamespacedName, IKubernetesObject>() : null;
        var options = new WatchOptions
        {
            LabelSelector = _options.LabelSelector,
            FieldSelector = _options.FieldSelector,
            ResourceVersion = _position ?? _newest,
            SendInitialEvents = initial is not null,
            Timeout = timeout,
        };
        try
        {
            await foreach (var change in _client.WatchAsync(_format, Resource, _options.Namespace, options, both.Token))
            {
                countEvent();
                if (initial is null)
                    Take(change);
                else if (Gather(initial, change))
                    initial = null;
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TransportException("the server did not end its watch in time");
        }
    }

    /// <returns>Whether the initial state is complete, and is now the store's.</returns>
    private bool Gather(Dictionary<NamespacedName, IKubernetesObject> initial, WatchEvent<IKubernetesObject> change)
    {
        switch (change.Type)
        {
            case WatchEventType.Added or WatchEventType.Modified:
                initial[change.Object.Key] = change.Object;
                return false;
            case WatchEventType.Deleted:
                initial.Remove(change.Object.Key);
                return false;
            default:
                if (!change.Object.Annotations.ContainsKey(InitialEventsEnd))
                    return false;
                Replace(initial, change.Object.ResourceVersion);
                return true;
        }
    }

    private void Take(WatchEvent<IKubernetesObject> change)
    {
        lock (_dispatch)
        {
            var changes = new List<InformerChange>(1);
            if (change.Type is WatchEventType.Added or WatchEventType.Modified)
                Set(change.Object, isInitial: false, changes);
            else if (change.Type is WatchEventType.Deleted)
                Remove(change.Object.Key, change.Object, changes);
            MoveTo(change.Object.ResourceVersion);
            Tell(changes);
        }
    }

    private void Replace(Dictionary<NamespacedName, IKubernetesObject> items, string version)
    {
        lock (_dispatch)
        {
            bool isInitial = !HasSynced;
            var changes = new List<InformerChange>();
            foreach (var gone in _store.List<IKubernetesObject>())
            {
                if (!items.ContainsKey(gone.Key))
                    Remove(gone.Key, lastState: null, changes);
            }
            foreach (var item in items.Values)
            {
                if (_store.Get(item.Key) is not { } old || old.ResourceVersion != item.ResourceVersion || old.Uid != item.Uid)
                    Set(item, isInitial, changes);
            }
            ListCount++;
            MoveTo(version);
            Tell(changes);
            _synced.Set();
        }
    }

    private void Set(IKubernetesObject item, bool isInitial, List<InformerChange> changes)
    {
        _options.Trim?.Invoke(item);
        // Of another uid: deleted and made anew while nobody told us.
        if (_store.Get(item.Key) is { } other && other.Uid != item.Uid)
            Remove(item.Key, lastState: null, changes);
        _copies?[item.Key] = KubernetesJson.Serialize(item);
        changes.Add(_store.Set(item) is { } old
            ? new InformerChange(InformerChangeType.Updated, old, item)
            : new InformerChange(InformerChangeType.Added, null, item, isInitial));
    }

    private void Remove(NamespacedName key, IKubernetesObject? lastState, List<InformerChange> changes)
    {
        _copies?.Remove(key);
        if (_store.Remove(key) is { } known)
        {
            changes.Add(new InformerChange(
                InformerChangeType.Deleted, lastState ?? known, null, IsFinalStateUnknown: lastState is null));
        }
    }

    // After the store has the changes and before the handlers are told: whoever they wake up asks how far we are.
    private void MoveTo(string? version)
    {
        if (string.IsNullOrEmpty(version))
            return;
        _position = version;
        _newest = version;
        if (long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            Interlocked.Exchange(ref _seen, number);
    }

    private void Tell(List<InformerChange> changes)
    {
        foreach (var change in changes)
        {
            foreach (var handler in _handlers)
                handler(change);
        }
    }

    private async Task ResyncAsync(TimeSpan period, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(period, _client.Time, cancellation);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            lock (_dispatch)
            {
                Tell([.. _store.List<IKubernetesObject>()
                    .Select(item => new InformerChange(InformerChangeType.Updated, item, item))]);
            }
        }
    }

    private void LogFault(Exception fault) =>
        _options.Log.LogWarning("informer of {Resource}: {Fault}", Resource.Plural, fault.Message);

    private sealed class Registration(Informer informer, Action<InformerChange> handler) : IDisposable
    {
        public void Dispose()
        {
            lock (informer._dispatch)
                informer._handlers.Remove(handler);
        }
    }
}
