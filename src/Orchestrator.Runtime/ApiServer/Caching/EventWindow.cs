namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>The latest events of a resource, oldest first: what a watch can begin with.</summary>
/// <remarks>Bounded by count and bytes; what is younger than <see cref="KeepAtLeast"/> stays within those limits, older events
/// go once there are more than <see cref="MinCount"/>. Not thread-safe.</remarks>
internal sealed class EventWindow
{
    private const int MinCount = 1_000;
    private const int MaxCount = 50_000;
    private const long MaxBytes = 64L * 1024 * 1024;

    /// <summary>As long as in Kubernetes' cache.</summary>
    private static readonly TimeSpan KeepAtLeast = TimeSpan.FromSeconds(75);

    private readonly Queue<(CachedEvent Event, DateTimeOffset Time)> _events = new();
    private long _bytes;

    /// <summary>A watch that has seen this revision can go on; one that has seen less can not.</summary>
    public long StartsAfter { get; private set; }

    /// <summary>Forgets everything; later events follow this revision.</summary>
    public void Reset(long revision)
    {
        _events.Clear();
        _bytes = 0;
        StartsAfter = revision;
    }

    public void Add(CachedEvent value, DateTimeOffset now)
    {
        _events.Enqueue((value, now));
        _bytes += value.SizeBytes;
        while (_events.Count > MaxCount
            || (_bytes > MaxBytes && _events.Count > 1)
            || (_events.Count > MinCount && now - _events.Peek().Time > KeepAtLeast))
        {
            var dropped = _events.Dequeue().Event;
            _bytes -= dropped.SizeBytes;
            StartsAfter = dropped.Revision;
        }
    }

    /// <summary>The events behind a revision that is not before <see cref="StartsAfter"/>.</summary>
    public IEnumerable<CachedEvent> After(long revision)
    {
        foreach (var (value, _) in _events)
        {
            if (value.Revision > revision)
                yield return value;
        }
    }
}
