namespace KvStore.Crash.Tests.Clusters;

/// <summary>Waits for what comes by itself.</summary>
internal static class Until
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    /// <summary>Asks again and again until it holds.</summary>
    public static async Task HoldsAsync(Func<Task<bool>> condition, string what, TimeSpan? limit = null)
    {
        using var pace = new PeriodicTimer(Pace);
        long start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(start) > (limit ?? Limits.Patience))
                throw new TimeoutException($"it did not come to this: {what}");
            await pace.WaitForNextTickAsync();
        }
    }

    /// <summary>Comes back after this time: where a test must see that something does not happen, or how long it lasts.</summary>
    public static async Task PassedAsync(TimeSpan time)
    {
        using var timer = new PeriodicTimer(time);
        await timer.WaitForNextTickAsync();
    }
}
