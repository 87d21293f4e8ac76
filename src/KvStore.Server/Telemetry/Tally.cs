namespace KvStore.Server.Telemetry;

/// <summary>A count that only grows, for hot paths: one interlocked addition, no tags, no look-up; read when scraped.</summary>
public sealed class Tally
{
    private long _value;

    public long Value => Interlocked.Read(ref _value);

    public void Increment() => Interlocked.Increment(ref _value);

    public void Add(long amount) => Interlocked.Add(ref _value, amount);
}
