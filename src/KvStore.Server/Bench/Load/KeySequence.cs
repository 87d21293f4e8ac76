namespace KvStore.Server.Bench.Load;

/// <summary>Which key comes next.</summary>
internal sealed class KeySequence(KeySpace keys)
{
    private readonly Random _random = new(keys.Seed);
    private long _next;

    public long Next()
    {
        if (!keys.IsSequential)
            return _random.NextInt64(keys.Count);
        long number = _next++;
        if (_next == keys.Count)
            _next = 0;
        return number;
    }
}
