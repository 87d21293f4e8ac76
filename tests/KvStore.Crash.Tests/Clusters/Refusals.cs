using KvStore.Grpc;

namespace KvStore.Crash.Tests.Clusters;

internal static class Refusals
{
    /// <summary>The code and the text with which a call is refused.</summary>
    public static async Task<string> OfAsync(Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(call);
        return $"{refusal.StatusCode}: {refusal.Status.Detail}";
    }

    /// <summary>Makes a call that may be refused.</summary>
    /// <returns>Whether it was not.</returns>
    public static async Task<bool> TryAsync(Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }
}
