namespace Orchestrator.Runtime.WorkQueues;

/// <summary>Exponential back-off for each key on its own. Thread-safe.</summary>
public sealed class ItemBackoff<T>(TimeSpan? first = null, TimeSpan? limit = null)
    where T : notnull
{
    private readonly TimeSpan _first = first ?? TimeSpan.FromMilliseconds(5);
    private readonly TimeSpan _limit = limit ?? TimeSpan.FromSeconds(1000);
    private readonly Lock _lock = new();
    private readonly Dictionary<T, int> _failures = [];

    /// <summary>How long the key is to wait now; the next call says twice as much, up to the limit.</summary>
    public TimeSpan Next(T item)
    {
        lock (_lock)
        {
            int failures = _failures.GetValueOrDefault(item);
            _failures[item] = failures + 1;
            double milliseconds = _first.TotalMilliseconds * Math.Pow(2, failures);
            return milliseconds >= _limit.TotalMilliseconds ? _limit : TimeSpan.FromMilliseconds(milliseconds);
        }
    }

    public void Forget(T item)
    {
        lock (_lock)
            _failures.Remove(item);
    }

    public int FailureCount(T item)
    {
        lock (_lock)
            return _failures.GetValueOrDefault(item);
    }
}
