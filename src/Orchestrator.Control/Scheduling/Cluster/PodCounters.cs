namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>For each query that is in use, how many pods match it on each node, kept up to date pod by pod.</summary>
/// <remarks>Many pods ask the same: those of one Deployment spread by one selector. A query costs a walk over all pods once,
/// and from then on only what changes. A pod looks at those queries alone that ask for its namespace and one of its labels.</remarks>
internal sealed class PodCounters(ClusterState cluster)
{
    /// <summary>Queries beyond this push out those that nobody asked for the longest.</summary>
    private const int Limit = 1024;

    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Dictionary<(string Namespace, string Key, string Value), List<Entry>> _byPair = [];
    private readonly Dictionary<string, List<Entry>> _byNamespace = [];
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
        string ns = pod.Key.Namespace;
        AddTo(_byNamespace.GetValueOrDefault(""), pod, slot, delta);
        AddTo(_byNamespace.GetValueOrDefault(ns), pod, slot, delta);
        if (_byPair.Count == 0 || pod.Labels is null)
            return;
        foreach (var (key, value) in pod.Labels)
        {
            AddTo(_byPair.GetValueOrDefault((ns, key, value)), pod, slot, delta);
            AddTo(_byPair.GetValueOrDefault(("", key, value)), pod, slot, delta);
        }
    }

    /// <summary>A namespace's labels have changed: forgets what looks at them.</summary>
    public void ForgetThoseOfNamespaceLabels()
    {
        foreach (var entry in _entries.Values.Where(entry => entry.Query.LooksAtNamespaceLabels).ToList())
            Remove(entry);
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
        Bucket(entry).Add(entry);
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
        Bucket(entry).Remove(entry);
    }

    private List<Entry> Bucket(Entry entry)
    {
        string ns = entry.Query.OnlyNamespace ?? "";
        if (!entry.Query.Selector.TryGetPair(out var pair))
            return Bucket(_byNamespace, ns);
        return Bucket(_byPair, (ns, pair.Key, pair.Value));
    }

    private static List<Entry> Bucket<TKey>(Dictionary<TKey, List<Entry>> buckets, TKey key)
        where TKey : notnull
    {
        if (!buckets.TryGetValue(key, out var bucket))
            buckets.Add(key, bucket = []);
        return bucket;
    }

    private sealed class Entry(PodQuery query)
    {
        public PodQuery Query => query;

        public SlotCounter Counter { get; } = new();

        public long UsedAt { get; set; }
    }
}
