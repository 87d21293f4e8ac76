namespace KvStore.Server.Bench.Load;

/// <summary>Which key comes next.</summary>
internal sealed class KeySequence(KeySpace keys)
{
    private readonly Random _random = new(keys.Seed);
    private long _next;

    public long Next()
    {
        if (!keys.IsSequential)
            return keys.First + _random.NextInt64(keys.Count);
        long number = keys.First + _next++;
        if (_next == keys.Count)
            _next = 0;
        return number;
    }
}
