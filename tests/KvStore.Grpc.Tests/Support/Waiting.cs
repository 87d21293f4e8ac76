namespace KvStore.Grpc.Tests.Support;

internal static class Waiting
{
    // Only how long a broken test hangs; a passing one never waits for it.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Patience);

    public static Task Soon(this Task task) => task.WaitAsync(Patience);

    /// <summary>Completes when the token is cancelled.</summary>
    public static Task Cancelled(this CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        token.Register(cancelled.SetResult);
        return cancelled.Task.Soon();
    }

    public static async Task<RpcException> Fails(this Task call) =>
        await Assert.ThrowsAsync<RpcException>(() => call.Soon());
}
