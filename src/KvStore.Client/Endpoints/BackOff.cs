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
    public static async Task PauseAsync(int failures, ClientOptions options, CancellationToken cancellationToken)
    {
        var rest = Task.Delay(After(failures, options.MinBackOff, options.MaxBackOff), options.TimeProvider, cancellationToken);
        await rest.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
