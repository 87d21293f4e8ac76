namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>Counts something for each node, and for each domain of the topologies that are asked for.</summary>
internal sealed class SlotCounter
{
    private readonly List<TopologyCount> _topologies = [];
    private int[] _bySlot = [];

    public int Total { get; private set; }

    public int At(int slot) => (uint)slot < (uint)_bySlot.Length ? _bySlot[slot] : 0;

    public void Add(int slot, int delta)
    {
        if (slot >= _bySlot.Length)
            Array.Resize(ref _bySlot, Math.Max(64, slot * 2));
        _bySlot[slot] += delta;
        Total += delta;
        foreach (var topology in _topologies)
            topology.Add(slot, delta);
    }

    /// <summary>The counts by a topology; summed up at the first call and kept from then on.</summary>
    public TopologyCount By(TopologyTable table)
    {
        foreach (var topology in _topologies)
        {
            if (topology.Table == table)
                return topology;
        }
        var added = new TopologyCount(this, table);
        _topologies.Add(added);
        return added;
    }

    /// <summary>Adds all that was counted to a new sum.</summary>
    public void Visit(TopologyCount topology)
    {
        for (int slot = 0; slot < _bySlot.Length; slot++)
        {
            if (_bySlot[slot] != 0)
                topology.Add(slot, _bySlot[slot]);
        }
    }

    public void Drop(TopologyCount topology) => _topologies.Remove(topology);

    /// <summary>Nobody asks any more.</summary>
    public void Detach()
    {
        foreach (var topology in _topologies)
            topology.Table.Detach(topology);
    }
}
