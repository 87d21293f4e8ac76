namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>For each query that is in use, how many pods match it on each node, kept up to date pod by pod.</summary>
/// <remarks>Many pods ask the same: those of one Deployment spread by one selector. A query costs a walk over all pods once,
/// and from then on only what changes. A pod looks at those queries alone that ask for its namespace and one of its labels.</remarks>
internal sealed class PodCounters(ClusterState cluster)
{
    /// <summary>Queries beyond this push out those that nobody asked for the longest.</summary>
    private const int Limit = 1024;

    private readonly Dictionary<string, Entry> _entries = [];

    // Those that ask for no one label under an empty one, those for all namespaces under an empty namespace.
    private readonly Dictionary<(string Namespace, string Key, string Value), List<Entry>> _byPair = [];
    private long _clock;

    /// <summary>The counts of a query; to be used within one decision.</summary>
    public SlotCounter Get(PodQuery query)
    {
        if (!_entries.TryGetValue(query.Text, out var entry))
            entry = Add(query);
        entry.UsedAt = ++_clock;
        return entry.Counter;
    }

    public void Add(PodInfo pod, int slot, int delta)
    {
        if (_byPair.Count == 0)
            return;
        AddTo("", "", pod, slot, delta);
        foreach (var (key, value) in pod.Labels.OrEmpty())
            AddTo(key, value, pod, slot, delta);
    }

    /// <summary>A namespace's labels have changed: forgets what looks at them.</summary>
    public void ForgetThoseOfNamespaceLabels()
    {
        foreach (var entry in _entries.Values.Where(entry => entry.Query.LooksAtNamespaceLabels).ToList())
            Remove(entry);
    }

    private void AddTo(string key, string value, PodInfo pod, int slot, int delta)
    {
        AddTo(_byPair.GetValueOrDefault((pod.Key.Namespace, key, value)), pod, slot, delta);
        AddTo(_byPair.GetValueOrDefault(("", key, value)), pod, slot, delta);
    }

    private void AddTo(List<Entry>? entries, PodInfo pod, int slot, int delta)
    {
        if (entries is null)
            return;
        foreach (var entry in entries)
        {
            if (entry.Query.Matches(pod, cluster))
                entry.Counter.Add(slot, delta);
        }
    }

    private Entry Add(PodQuery query)
    {
        if (_entries.Count >= Limit)
            Remove(_entries.Values.MinBy(entry => entry.UsedAt)!);
        var entry = new Entry(query);
        _entries.Add(query.Text, entry);
        if (!_byPair.TryGetValue(PairOf(query), out var bucket))
            _byPair.Add(PairOf(query), bucket = []);
        bucket.Add(entry);
        foreach (var pod in cluster.PodsOf(query.OnlyNamespace))
        {
            if (query.Matches(pod, cluster))
                entry.Counter.Add(pod.Node!.Slot, 1);
        }
        return entry;
    }

    private void Remove(Entry entry)
    {
        entry.Counter.Detach();
        _entries.Remove(entry.Query.Text);
        var bucket = _byPair[PairOf(entry.Query)];
        bucket.Remove(entry);
        if (bucket.Count == 0)
            _byPair.Remove(PairOf(entry.Query));
    }

    private static (string Namespace, string Key, string Value) PairOf(PodQuery query) =>
        query.Selector.TryGetPair(out var pair)
            ? (query.OnlyNamespace ?? "", pair.Key, pair.Value)
            : (query.OnlyNamespace ?? "", "", "");

    private sealed class Entry(PodQuery query)
    {
        public PodQuery Query => query;

        public SlotCounter Counter { get; } = new();

        public long UsedAt { get; set; }
    }
}
