using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>What pods that are on nodes want near them or away from them: equal terms once, with how many pods have them where.</summary>
internal sealed class ExistingTerms
{
    private readonly Dictionary<(string Pods, string Topology, int Weight), Entry> _entries = [];

    public int Count => _entries.Count;

    public IReadOnlyCollection<Entry> All => _entries.Values;

    public void Add(AffinityTerm[] terms, int slot, int delta)
    {
        foreach (var term in terms)
        {
            var key = (term.PodsText, term.TopologyKey, term.Weight);
            if (!_entries.TryGetValue(key, out var entry))
                _entries.Add(key, entry = new Entry(term));
            entry.Counter.Add(slot, delta);
            if (entry.Counter.Total > 0)
                continue;
            entry.Counter.Detach();
            _entries.Remove(key);
        }
    }

    internal sealed class Entry(AffinityTerm term)
    {
        public AffinityTerm Term => term;

        public SlotCounter Counter { get; } = new();
    }
}
