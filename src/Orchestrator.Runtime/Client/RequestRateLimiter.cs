namespace Orchestrator.Runtime.Client;

/// <summary>A token bucket: <paramref name="burst"/> requests at once, then <paramref name="perSecond"/>; waiters are served
/// in the order in which they came.</summary>
internal sealed class RequestRateLimiter(double perSecond, int burst, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly long _start = time.GetTimestamp();

    // The point in time, in seconds since the start, from which on the bucket counts as full again.
    private double _fullAt;

    /// <summary>Returns when the caller may send.</summary>
    public Task WaitAsync(CancellationToken cancellation)
    {
        var delay = Reserve();
        return delay <= TimeSpan.Zero ? Task.CompletedTask : Task.Delay(delay, time, cancellation);
    }

    private TimeSpan Reserve()
    {
        lock (_lock)
        {
            double now = time.GetElapsedTime(_start).TotalSeconds;
            _fullAt = Math.Max(_fullAt, now) + 1 / perSecond;
            return TimeSpan.FromSeconds(_fullAt - now - burst / perSecond);
        }
    }
}
