using System.Diagnostics;

namespace KvStore.Chaos.Traffic;

/// <summary>Nanoseconds of this machine's monotonic clock since the run began, the same in all its processes.</summary>
internal sealed class RunClock(long origin)
{
    public static RunClock StartNow() => new(Stopwatch.GetTimestamp());

    /// <summary>To be handed to another process.</summary>
    public long Origin => origin;

    // A tick of Linux's is a nanosecond; elsewhere the rig does not run.
    public long Now => Stopwatch.GetTimestamp() - origin;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(origin);
}
