namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>A <see cref="SlotCounter"/>'s counts, summed up by the values of a topology.</summary>
internal sealed class TopologyCount
{
    private readonly SlotCounter _counter;
    private int[] _byValue;

    public TopologyCount(SlotCounter counter, TopologyTable table)
    {
        _counter = counter;
        Table = table;
        _byValue = new int[table.ValueLimit];
        counter.Visit(this);
        table.Attach(this);
    }

    public TopologyTable Table { get; }

    /// <summary>What is counted on nodes that have the topology's label.</summary>
    public int Total { get; private set; }

    /// <summary>The count in a domain.</summary>
    public int At(int value) => (uint)value < (uint)_byValue.Length ? _byValue[value] : 0;

    public int AtSlot(int slot) => At(Table.ValueOf(slot));

    public void Add(int slot, int delta) => AddTo(Table.ValueOf(slot), delta);

    /// <summary>The node's value has changed.</summary>
    public void Move(int slot, int old, int value)
    {
        int count = _counter.At(slot);
        if (count == 0)
            return;
        AddTo(old, -count);
        AddTo(value, count);
    }

    /// <summary>The topology is no longer kept.</summary>
    public void Drop() => _counter.Drop(this);

    private void AddTo(int value, int delta)
    {
        if (value == TopologyTable.None)
            return;
        if (value >= _byValue.Length)
            Array.Resize(ref _byValue, Math.Max(16, value * 2));
        _byValue[value] += delta;
        Total += delta;
    }
}
