using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Control.Reconciling;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Events;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.WorkQueues;

namespace Orchestrator.Runtime.Controllers;

/// <summary>Hosts one controller that only decides: feeds it from the informers, key by key, and does what it wants done.</summary>
/// <remarks>
/// Never two workers on one key. A key is looked at when the cache shows all that was written for it (<see cref="Expectations"/>).
/// What fails is tried again with back-off, and the controller is told of it.
/// </remarks>
internal sealed class ControllerRunner
{
    /// <summary>How soon a key is looked at again whose writes were not seen: the watch wakes it earlier in most cases.</summary>
    private static readonly TimeSpan UnseenDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>After a write of which nobody knows whether it was made, the watch gets time to show it.</summary>
    private static readonly TimeSpan UnknownDelay = TimeSpan.FromSeconds(1);

    private readonly ControllerDescription _controller;
    private readonly ApiClient _client;
    private readonly ControllerCache _cache;
    private readonly IntentExecutor _executor;
    private readonly EventRecorder _events;
    private readonly ControllerMetrics _metrics;
    private readonly ILogger _log;
    private readonly RateLimitingQueue<NamespacedName> _queue;
    private readonly Lock _lock = new();
    private readonly Expectations _expectations = new();
    private readonly Dictionary<NamespacedName, KeyState> _states = [];

    public ControllerRunner(
        ControllerDescription controller, ApiClient client, InformerFactory informers, ICertificateSigner? signer, ILogger log,
        Func<double>? jitter = null, ITokenIssuer? tokens = null)
    {
        _controller = controller;
        _client = client;
        _log = log;
        _cache = new ControllerCache(controller, informers);
        _queue = new RateLimitingQueue<NamespacedName>(client.Time);
        _events = new EventRecorder(
            client, new EventRecorderOptions { Component = controller.Name, Jitter = jitter ?? Random.Shared.NextDouble });
        _executor = new IntentExecutor(client, _events, signer, tokens, log);
        _metrics = new ControllerMetrics(controller.Name, _queue);
    }

    public string Name => _controller.Name;

    /// <summary>Whether nothing is due, in work or waiting for its time.</summary>
    public bool IsIdle => _queue.IsIdle;

    /// <summary>Keys that are due.</summary>
    public int QueueLength => _queue.Count;

    /// <summary>Connects a controller that watches everything with an informer of each resource.</summary>
    public void Include(IEnumerable<Informer> everything)
    {
        foreach (var informer in everything)
            _cache.Include(informer);
    }

    /// <summary>Subscribes to changes; the informers may run already or not.</summary>
    public void Subscribe()
    {
        foreach (var watch in _controller.Watches)
            _cache.Informers[watch.Kind].AddHandler(change => Enqueue(watch.Keys, watch.Delay, change));
        if (_controller.WatchesEverything is not { } keys)
            return;
        foreach (var informer in _cache.Everything)
            informer.AddHandler(change => Enqueue(keys, TimeSpan.Zero, change));
    }

    /// <summary>Works until cancelled, once the informers have what is there.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        foreach (var informer in _cache.Informers.Values.Concat(_cache.Everything))
            await informer.WaitForSyncAsync(cancellation);
        try
        {
            await Loops.RunTogetherAsync(AllLoops(), cancellation);
        }
        finally
        {
            _queue.Dispose();
            _metrics.Dispose();
        }
    }

    private IEnumerable<Func<CancellationToken, Task>> AllLoops()
    {
        yield return _events.RunAsync;
        foreach (var polled in _cache.Polls)
            yield return end => polled.RunAsync(_client, () => _queue.Add(ControllerDescription.WholeKey), end);
        if (_controller.Period is { } period)
            yield return end => RepeatAsync(period, () => _queue.Add(ControllerDescription.WholeKey), isAtOnce: true, end);
        if (_controller.Resync is { } resync)
            yield return end => RepeatAsync(resync, QueueEverything, isAtOnce: false, end);
        for (int i = 0; i < (_controller.IsSerial ? 1 : _controller.Workers); i++)
            yield return WorkAsync;
    }

    private void Enqueue(
        Func<ObjectChange, IObjectCache, IEnumerable<NamespacedName>> keys, TimeSpan delay, InformerChange change)
    {
        foreach (var key in keys(new ObjectChange(change.Old, change.New), _cache))
        {
            _metrics.Added();
            _queue.AddAfter(key, delay);
        }
    }

    private void QueueEverything()
    {
        foreach (var watch in _controller.Watches)
        {
            foreach (var item in _cache.Informers[watch.Kind].List<IKubernetesObject>())
            {
                foreach (var key in watch.Keys(new ObjectChange(item, item), _cache))
                    _queue.Add(key);
            }
        }
    }

    private async Task RepeatAsync(TimeSpan period, Action action, bool isAtOnce, CancellationToken cancellation)
    {
        if (isAtOnce)
            action();
        while (true)
        {
            await Task.Delay(period, _client.Time, cancellation);
            action();
        }
    }

    private async Task WorkAsync(CancellationToken cancellation)
    {
        while (await _queue.WaitToTakeAsync(cancellation))
        {
            if (!_queue.TryTake(out var key))
                continue;
            try
            {
                await ProcessAsync(key, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                throw;
            }
            catch (Exception fault)
            {
                // A controller's own fault must not stop the others' keys.
                _log.LogError(fault, "{Controller} {Key}", Name, key);
                _metrics.Failed();
                _queue.AddRateLimited(key);
            }
            finally
            {
                _queue.Done(key);
            }
        }
    }

    private async Task ProcessAsync(NamespacedName key, CancellationToken cancellation)
    {
        if (!SeesItsWrites(key))
        {
            _queue.AddAfter(key, UnseenDelay);
            return;
        }
        long begin = _client.Time.GetTimestamp();
        var state = Find(key);
        var found = Findings.None;
        for (int round = 0; ; round++)
        {
            var input = new ReconcileInput
            {
                Key = key,
                Cache = _cache,
                Now = _client.Time.GetUtcNow(),
                Failures = state.Failures,
                Memory = state.Memory,
                Found = found,
            };
            var decision = _controller.Reconcile(input);
            var failures = await _executor.ExecuteAsync(decision.Intents, new Observer(this, key), cancellation);
            state = new KeyState(failures, decision.Memory);
            if (decision.Lookups.Count == 0 || failures.Count > 0)
            {
                Finish(key, decision, state);
                break;
            }
            if (round == Decision.LookupRoundsLimit)
            {
                Finish(key, decision with { RetryWithBackoff = true }, state);
                break;
            }
            found = await LookUpAsync(decision.Lookups, cancellation);
        }
        _metrics.Processed(_client.Time.GetElapsedTime(begin));
    }

    private void Finish(NamespacedName key, Decision decision, KeyState state)
    {
        lock (_lock)
        {
            if (state.IsEmpty)
                _states.Remove(key);
            else
                _states[key] = state;
        }
        if (state.Failures.Count > 0)
            _metrics.Failed();
        if (state.Failures.Any(failure => failure.Status.Code == 0))
            _queue.AddAfter(key, UnknownDelay);
        else if (state.Failures.Count > 0 || decision.RetryWithBackoff)
            _queue.AddRateLimited(key);
        else
            _queue.Forget(key);
        if (decision.RequeueAt is { } at)
            _queue.AddAfter(key, at - _client.Time.GetUtcNow());
    }

    private bool SeesItsWrites(NamespacedName key)
    {
        var now = _client.Time.GetUtcNow();
        lock (_lock)
            return _controller.IsSerial ? _expectations.AllAreMet(_cache, now) : _expectations.AreMet(key, _cache, now);
    }

    private KeyState Find(NamespacedName key)
    {
        lock (_lock)
            return _states.GetValueOrDefault(key) ?? KeyState.Empty;
    }

    private async Task<Findings> LookUpAsync(IReadOnlyList<Lookup> lookups, CancellationToken cancellation)
    {
        var objects = new Dictionary<Lookup.Get, IKubernetesObject?>();
        var lists = new Dictionary<Lookup.List, IReadOnlyList<IKubernetesObject>>();
        var errors = new Dictionary<Lookup, string>();
        foreach (var lookup in lookups)
        {
            try
            {
                if (lookup is Lookup.Get get)
                    objects[get] = await FindAsync(get.Target, cancellation);
                else if (lookup is Lookup.List list)
                    lists[list] = await ListAsync(list, cancellation);
            }
            catch (ApiException refusal)
            {
                errors[lookup] = refusal.Status.Message ?? "";
            }
            catch (TransportException fault)
            {
                errors[lookup] = fault.Message;
            }
        }
        return new Findings { Objects = objects, Lists = lists, Errors = errors };
    }

    private async Task<IKubernetesObject?> FindAsync(ObjectRef target, CancellationToken cancellation)
    {
        // A kind that nobody serves has no objects.
        if (ResourceTable.Served.ForKind(target.Kind) is not { } resource)
            return null;
        try
        {
            return await _client.GetAsync(resource, target.Namespace, target.Name, cancellation);
        }
        catch (ApiException refusal) when (refusal.IsNotFound)
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<IKubernetesObject>> ListAsync(Lookup.List list, CancellationToken cancellation)
    {
        var name = list.Resource;
        if (ResourceTable.Served.Find(name.Group, name.Version, name.Resource) is not { } resource)
            return [];
        return (await _client.ListAsync(ObjectFormat.Whole, resource, list.Namespace, null, cancellation)).Items;
    }

    /// <summary>What is kept of a key from one look to the next.</summary>
    private sealed record KeyState(IReadOnlyList<IntentFailure> Failures, object? Memory)
    {
        public static KeyState Empty { get; } = new([], null);

        public bool IsEmpty => Failures.Count == 0 && Memory is null;
    }

    /// <summary>Remembers each write until the cache shows it.</summary>
    private sealed class Observer(ControllerRunner runner, NamespacedName key) : IntentExecutor.IWriteObserver
    {
        public void Wrote(IKubernetesObject answer)
        {
            if (!runner._cache.Knows(answer.GroupVersionKind))
                return;
            lock (runner._lock)
                runner._expectations.Wrote(key, answer, runner._client.Time.GetUtcNow());
        }

        public void Deleted(ObjectRef target)
        {
            if (!runner._cache.Knows(target.Kind))
                return;
            lock (runner._lock)
                runner._expectations.Deleted(key, target, runner._client.Time.GetUtcNow());
        }
    }
}
