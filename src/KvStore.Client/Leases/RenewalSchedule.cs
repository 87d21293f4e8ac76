namespace KvStore.Client;

/// <summary>When one lease is to be renewed, and since when an answer is awaited.</summary>
/// <remarks>
/// <code>
/// sent        a third             two thirds            all
///  |------------|--------------------|--------------------|      the time to live, from the request that was answered
///               due; sent at once if a stream is open, else when one is
///               ...no answer for as long again: the stream is given up for another
/// </code>
/// </remarks>
internal sealed class RenewalSchedule(LeaseClaim? claim, TimeProvider time)
{
    // A short life needs a quick second try, a long one must not wait for minutes.
    private static readonly TimeSpan MinPatience = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan MaxPatience = TimeSpan.FromSeconds(5);

    private LeaseClaim? _claim = claim;
    private LeaseClaim? _awaited;

    /// <summary>A renewal was sent on the stream that is open, and is not answered.</summary>
    public bool IsAwaiting => _awaited is not null;

    public bool IsDue => _awaited is null && (_claim is not { } held || held.Age(time) >= held.TimeToLive / 3);

    public bool IsLapsed => _claim is { } held && held.Left(time) <= TimeSpan.Zero;

    public bool IsOverdue => _awaited is { } sent && sent.Age(time) >= Patience;

    private TimeSpan Patience => _claim is { } held
        ? TimeSpan.FromTicks(Math.Clamp((held.TimeToLive / 3).Ticks, MinPatience.Ticks, MaxPatience.Ticks))
        : MaxPatience;

    public void Sent() => _awaited = LeaseClaim.From(time);

    /// <returns>What may be claimed now.</returns>
    public LeaseClaim Answered(TimeSpan timeToLive)
    {
        Invariant.Holds(_awaited is not null);
        var claim = _awaited.GetValueOrDefault() with { TimeToLive = timeToLive };
        _awaited = null;
        _claim = claim;
        return claim;
    }

    /// <summary>The stream is gone: what was awaited will not come.</summary>
    public void Disconnected() => _awaited = null;

    /// <summary>Until there is something to look at again.</summary>
    public TimeSpan Next()
    {
        var next = _claim?.Left(time) ?? Timeout.InfiniteTimeSpan;
        if (_awaited is { } sent)
            next = Sooner(next, Patience - sent.Age(time));
        else if (!IsDue && _claim is { } held)
            next = Sooner(next, (held.TimeToLive / 3) - held.Age(time));
        // A timer counts whole milliseconds, cut off: one more, or it would fire in vain.
        return next == Timeout.InfiniteTimeSpan ? next
            : TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(next.TotalMilliseconds)) + 1);
    }

    private static TimeSpan Sooner(TimeSpan one, TimeSpan other) =>
        one == Timeout.InfiniteTimeSpan || other < one ? other : one;
}
