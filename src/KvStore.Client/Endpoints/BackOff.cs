namespace KvStore.Client;

/// <summary>How long to rest after a row of failures: doubling, bounded, a fifth more or less so that clients do not march in
/// step.</summary>
internal static class BackOff
{
    public static TimeSpan After(int failures, TimeSpan min, TimeSpan max)
    {
        double rest = min.TotalMilliseconds * Math.Pow(2, Math.Clamp(failures - 1, 0, 20));
        return TimeSpan.FromMilliseconds(Math.Min(rest, max.TotalMilliseconds) * (0.8 + (0.4 * Random.Shared.NextDouble())));
    }

    /// <summary>Rests so long, or until the token ends it; which of them, the caller looks up.</summary>
    public static Task PauseAsync(int failures, ClientOptions options, CancellationToken cancellationToken) =>
        PauseAsync(failures, options, Timeout.InfiniteTimeSpan, cancellationToken);

    /// <inheritdoc cref="PauseAsync(int, ClientOptions, CancellationToken)"/>
    /// <param name="limit">Rests no longer than that.</param>
    public static async Task PauseAsync(int failures, ClientOptions options, TimeSpan limit, CancellationToken cancellationToken)
    {
        var rest = After(failures, options.MinBackOff, options.MaxBackOff);
        if (limit != Timeout.InfiniteTimeSpan && limit < rest)
            rest = limit;
        await Task.Delay(rest, options.TimeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
