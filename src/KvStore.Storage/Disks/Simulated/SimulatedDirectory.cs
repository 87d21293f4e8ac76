namespace KvStore.Storage.Disks.Simulated;

/// <summary>The names in a directory: as programs see them, and as the device holds them.</summary>
/// <remarks>
/// <code>
/// _cached   { a: #1, c: #2 }        _changes  create b = #2 · rename b to c       lost power: any subset of the changes,
/// _durable  { a: #1 }                                                             or a prefix of them, as journals give
/// </code>
/// </remarks>
internal sealed class SimulatedDirectory
{
    private Dictionary<string, SimulatedContent> _cached = [];
    private Dictionary<string, SimulatedContent> _durable = [];
    private readonly List<NameChange> _changes = [];

    /// <summary>One atomic change: a name that goes, a name that comes, or both (a rename).</summary>
    private readonly record struct NameChange(string? Removed, string? Added, SimulatedContent? Content);

    public IEnumerable<string> Names => _cached.Keys;

    /// <summary>The contents that take room on the device.</summary>
    public IEnumerable<SimulatedContent> Contents => _cached.Values;

    public SimulatedContent? Find(string name) => _cached.GetValueOrDefault(name);

    public void Add(string name, SimulatedContent content) => Change(new NameChange(null, name, content));

    public void Remove(string name) => Change(new NameChange(name, null, null));

    public void Rename(string from, string to) => Change(new NameChange(from, to, _cached[from]));

    public void Sync()
    {
        if (_changes.Count == 0)
            return;
        _durable = new Dictionary<string, SimulatedContent>(_cached);
        _changes.Clear();
    }

    public void PowerLoss(SeededRandom random)
    {
        double keep = random.Next(3) switch { 0 => 0.0, 1 => 1.0, _ => 0.5 };
        bool isOrdered = random.Chance(0.5);
        foreach (var change in _changes)
        {
            if (random.Chance(keep))
                Apply(change, _durable);
            else if (isOrdered)
                break;
        }
        _changes.Clear();
        _cached = new Dictionary<string, SimulatedContent>(_durable);
        foreach (var (_, content) in _durable.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            content.PowerLoss(random);
    }

    /// <summary>Puts a file there as if it had always been there.</summary>
    public void Place(string name, ReadOnlySpan<byte> bytes)
    {
        if (!_cached.TryGetValue(name, out var content))
            content = _cached[name] = new SimulatedContent();
        _durable[name] = content;
        content.Replace(bytes);
    }

    public SimulatedDirectory Copy()
    {
        // A content may stand under two names, and under a cached and a durable one: it stays one.
        var copies = new Dictionary<SimulatedContent, SimulatedContent>();
        SimulatedContent CopyOf(SimulatedContent content) =>
            copies.TryGetValue(content, out var copied) ? copied : copies[content] = content.Copy();
        var copy = new SimulatedDirectory();
        foreach (var (name, content) in _cached)
            copy._cached.Add(name, CopyOf(content));
        foreach (var (name, content) in _durable)
            copy._durable.Add(name, CopyOf(content));
        foreach (var change in _changes)
            copy._changes.Add(change with { Content = change.Content is null ? null : CopyOf(change.Content) });
        return copy;
    }

    private void Change(NameChange change)
    {
        Apply(change, _cached);
        _changes.Add(change);
    }

    private static void Apply(NameChange change, Dictionary<string, SimulatedContent> names)
    {
        if (change.Removed is not null)
            names.Remove(change.Removed);
        if (change.Added is not null)
            names[change.Added] = change.Content!;
    }
}
