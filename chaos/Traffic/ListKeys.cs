namespace KvStore.Chaos.Traffic;

/// <summary>The lists in use: a few at a time, each until it is long, then another takes its place.</summary>
internal sealed class ListKeys
{
    private const int InUse = 6;
    private const int LengthLimit = 60;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _appends = [];
    private readonly string[] _names = new string[InUse];
    private int _lastNumber;

    public ListKeys()
    {
        for (int i = 0; i < InUse; i++)
            _names[i] = NewName();
    }

    /// <summary>Some different ones.</summary>
    public string[] Pick(Random random, int count)
    {
        lock (_gate)
        {
            var names = (string[])_names.Clone();
            random.Shuffle(names);
            return names[..count];
        }
    }

    /// <summary>Somebody tries to make it longer.</summary>
    public void Appended(string name)
    {
        lock (_gate)
        {
            int at = Array.IndexOf(_names, name);
            if (at >= 0 && ++_appends[name] >= LengthLimit)
                _names[at] = NewName();
        }
    }

    private string NewName()
    {
        string name = $"l/{++_lastNumber}";
        _appends.Add(name, 0);
        return name;
    }
}
