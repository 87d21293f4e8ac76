namespace Orchestrator.Control.Tests.Simulation;

/// <summary>A process that runs one controller over its own cache, as the real host does: keys, expectations, memory.</summary>
public sealed class SimulatedHost
{
    private readonly ControllerDescription _controller;
    private readonly SimulatedCluster _cluster;
    private readonly SortedSet<string> _queue = new(StringComparer.Ordinal);
    private readonly Dictionary<NamespacedName, (DateTimeOffset At, int Failures)> _timers = [];
    private readonly Dictionary<NamespacedName, (IReadOnlyList<IntentFailure> Failures, object? Memory)> _states = [];
    private readonly Expectations _expectations = new();

    public SimulatedHost(ControllerDescription controller, SimulatedCluster cluster)
    {
        _controller = controller;
        _cluster = cluster;
        Cache = new LaggingCache(cluster.Api, controller.Indexes);
        foreach (var item in Cache.Objects.ToList())
            Wake(new ObjectChange(null, item));
        if (controller.Period is not null)
            Add(ControllerDescription.WholeKey);
    }

    public string Name => _controller.Name;

    public ControllerDescription Controller => _controller;

    public LaggingCache Cache { get; }

    public bool HasWork => _queue.Count > 0;

    public bool IsQuiet => _queue.Count == 0 && !Cache.Behind.Any();

    public DateTimeOffset? NextTimer => _timers.Count == 0 ? null : _timers.Values.Min(timer => timer.At);

    public void Deliver(GroupVersionKind kind) => Wake(Cache.Deliver(kind));

    /// <summary>Puts keys whose time has come into the queue.</summary>
    public void Tick(DateTimeOffset now)
    {
        foreach (var key in _timers.Where(timer => timer.Value.At <= now).Select(timer => timer.Key).ToList())
        {
            _timers.Remove(key);
            Add(key);
        }
    }

    private void Wake(ObjectChange change)
    {
        foreach (var watch in _controller.Watches.Where(watch => watch.Kind == change.Current.GroupVersionKind))
        {
            foreach (var key in watch.Keys(change, Cache))
                Add(key);
        }
        foreach (var key in _controller.WatchesEverything?.Invoke(change, Cache) ?? [])
            Add(key);
    }

    private void Add(NamespacedName key) => _queue.Add($"{key.Namespace}/{key.Name}");

    /// <summary>Looks at one key of the queue.</summary>
    public void Work(Random random)
    {
        string text = _queue.ElementAt(random.Next(_queue.Count));
        _queue.Remove(text);
        var key = new NamespacedName(text.Split('/')[0], text.Split('/')[1]);
        bool isSeen = _controller.IsSerial
            ? _expectations.AllAreMet(Cache, _cluster.Now) : _expectations.AreMet(key, Cache, _cluster.Now);
        if (!isSeen)
        {
            Later(key, _cluster.Now.AddMilliseconds(250));
            return;
        }
        var state = _states.GetValueOrDefault(key, ([], null));
        var found = Findings.None;
        for (int round = 0; round <= Decision.LookupRoundsLimit; round++)
        {
            var decision = _controller.Reconcile(new ReconcileInput
            {
                Key = key, Cache = Cache, Now = _cluster.Now, Failures = state.Failures, Memory = state.Memory, Found = found,
            });
            var failures = CarryOut(decision.Intents, key, random);
            state = (failures, decision.Memory);
            if (decision.Lookups.Count == 0 || failures.Count > 0)
            {
                Finish(key, decision, state);
                return;
            }
            found = _cluster.Api.LookUp(decision.Lookups);
        }
        throw new InvalidOperationException($"{Name} asks without end about {key}");
    }

    private void Finish(NamespacedName key, Decision decision, (IReadOnlyList<IntentFailure> Failures, object? Memory) state)
    {
        _states[key] = state;
        if (decision.RequeueAt is { } at)
            Later(key, at);
        if (state.Failures.Count > 0 || decision.RetryWithBackoff)
            Later(key, _cluster.Now.AddSeconds(1));
    }

    private void Later(NamespacedName key, DateTimeOffset at)
    {
        if (!_timers.TryGetValue(key, out var timer) || at < timer.At)
            _timers[key] = (at, 0);
    }

    private List<IntentFailure> CarryOut(IReadOnlyList<Intent> intents, NamespacedName key, Random random)
    {
        var failures = new List<IntentFailure>();
        foreach (var intent in intents)
        {
            var flat = intent is Batch batch ? batch.Intents : [intent];
            int before = failures.Count;
            foreach (var single in flat)
            {
                if (_cluster.Perform(single, random, out var answer) is { } status)
                    failures.Add(new IntentFailure(single, status));
                else
                    Remember(single, answer, key);
                if (failures.Count > before && intent is Batch { IsSlowStart: true })
                    break;
            }
            if (failures.Count > before && !intent.ContinueOnFailure)
                break;
        }
        return failures;
    }

    private void Remember(Intent intent, IKubernetesObject? answer, NamespacedName key)
    {
        if (intent is Delete delete)
            _expectations.Deleted(key, delete.Target, _cluster.Now);
        else if (answer is not null)
            _expectations.Wrote(key, answer, _cluster.Now);
    }
}
