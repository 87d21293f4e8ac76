namespace KvStore.Client.Tests.Support;

internal static class Waiting
{
    // Only how long a broken test hangs; a passing one never waits for it.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Patience);

    public static Task Soon(this Task task) => task.WaitAsync(Patience);

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().Soon();

    /// <summary>For conditions that nothing announces.</summary>
    public static async Task Until(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition())
            await timer.WaitForNextTickAsync(limit.Token);
    }
}
