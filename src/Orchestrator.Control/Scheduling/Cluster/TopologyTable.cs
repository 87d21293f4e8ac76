namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>For one label key (a zone's, say): which of its values each node has, as small numbers.</summary>
/// <remarks>
/// Values of nodes that are gone are given out anew. Whoever counts by value is told when a node's value changes.
/// <code>
/// slot    0 1 2 3        value  0      1
/// value   0 1 0 -1       text   "a"    "b"      nodes  2 1     slot 3 has no such label
/// </code>
/// </remarks>
internal sealed class TopologyTable(string key)
{
    public const int None = -1;

    private readonly Dictionary<string, int> _numbers = [];
    private readonly Stack<int> _free = new();
    private readonly List<TopologyCount> _counts = [];
    private readonly List<string> _texts = [];
    private int[] _bySlot = [];
    private int[] _nodesByValue = [];

    public string Key => key;

    /// <summary>When it was last asked for, by its owner's count.</summary>
    public long UsedAt { get; set; }

    /// <summary>One more than the greatest value in use.</summary>
    public int ValueLimit => _texts.Count;

    /// <summary>How many different values there are.</summary>
    public int DomainCount => _numbers.Count;

    /// <summary>Nodes that have the label.</summary>
    public int LabelledNodeCount { get; private set; }

    public int ValueOf(int slot) => (uint)slot < (uint)_bySlot.Length ? _bySlot[slot] : None;

    public int NodeCount(int value) => _nodesByValue[value];

    public string Text(int value) => _texts[value];

    /// <summary>Sets or, with null, takes away the value of a node.</summary>
    public void Set(int slot, string? text)
    {
        if (slot >= _bySlot.Length)
            Grow(slot);
        int old = _bySlot[slot];
        if (old == None ? text is null : text == _texts[old])
            return;
        int value = text is null ? None : Number(text);
        foreach (var count in _counts)
            count.Move(slot, old, value);
        _bySlot[slot] = value;
        if (value != None)
        {
            _nodesByValue[value]++;
            LabelledNodeCount++;
        }
        if (old != None)
            Leave(old);
    }

    public void Attach(TopologyCount count) => _counts.Add(count);

    public void Detach(TopologyCount count) => _counts.Remove(count);

    /// <summary>Nobody asks any more.</summary>
    public void Drop()
    {
        foreach (var count in _counts)
            count.Drop();
    }

    private int Number(string text)
    {
        if (_numbers.TryGetValue(text, out int known))
            return known;
        if (_free.TryPop(out int number))
        {
            _texts[number] = text;
        }
        else
        {
            number = _texts.Count;
            _texts.Add(text);
            if (number >= _nodesByValue.Length)
                Array.Resize(ref _nodesByValue, Math.Max(16, number * 2));
        }
        _numbers.Add(text, number);
        return number;
    }

    private void Leave(int value)
    {
        LabelledNodeCount--;
        if (--_nodesByValue[value] > 0)
            return;
        _numbers.Remove(_texts[value]);
        _free.Push(value);
    }

    private void Grow(int slot)
    {
        int length = _bySlot.Length;
        Array.Resize(ref _bySlot, Math.Max(64, slot * 2));
        _bySlot.AsSpan(length).Fill(None);
    }
}
