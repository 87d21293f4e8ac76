namespace KvStore.Client;

/// <summary>A life that the server has certainly granted: it counts from when the request left, which is before the server can
/// have begun to count.</summary>
/// <remarks>Read on two clocks, and the one that is further on counts: the monotonic one stands still while a machine sleeps,
/// the other may be set back.</remarks>
internal readonly record struct LeaseClaim(long SentTimestamp, DateTimeOffset SentAt, TimeSpan TimeToLive)
{
    public static LeaseClaim From(TimeProvider time) => new(time.GetTimestamp(), time.GetUtcNow(), TimeSpan.Zero);

    /// <returns>Zero or less when nothing more may be claimed.</returns>
    public TimeSpan Left(TimeProvider time) => TimeToLive - Age(time);

    public TimeSpan Age(TimeProvider time)
    {
        var elapsed = time.GetElapsedTime(SentTimestamp);
        var byCalendar = time.GetUtcNow() - SentAt;
        return elapsed > byCalendar ? elapsed : byCalendar;
    }
}
