using System.Diagnostics;

namespace KvStore.Chaos.Traffic;

/// <summary>Bounds how many requests a second all workers make: there are enough workers for a slow cluster, too many for a quick one.</summary>
internal sealed class RequestPace(double perSecond)
{
    private readonly Lock _gate = new();
    private readonly long _ticksBetween = (long)(Stopwatch.Frequency / perSecond);
    private long _next = Stopwatch.GetTimestamp();

    /// <summary>Waits for one's turn. What was not used is lost: there are no bursts after a stall.</summary>
    public Task WaitAsync(CancellationToken cancellationToken)
    {
        long now = Stopwatch.GetTimestamp();
        long turn;
        lock (_gate)
        {
            turn = Math.Max(now, _next);
            _next = turn + _ticksBetween;
        }
        return turn <= now ? Task.CompletedTask : Task.Delay(Stopwatch.GetElapsedTime(now, turn), cancellationToken);
    }
}
