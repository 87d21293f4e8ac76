namespace KvStore.Compatibility.Tests.Servers;

/// <summary>A fresh etcd and a fresh member of ours, side by side.</summary>
internal sealed class ServerPair(ServerUnderTest etcd, ServerUnderTest kvStore) : IAsyncDisposable
{
    public ServerUnderTest Etcd => etcd;

    public ServerUnderTest KvStore => kvStore;

    public static async Task<ServerPair> StartAsync()
    {
        var etcd = ServerUnderTest.StartAsync(ServerKind.Etcd);
        var kvStore = ServerUnderTest.StartAsync(ServerKind.KvStore);
        try
        {
            return new ServerPair(await etcd, await kvStore);
        }
        catch
        {
            await StopAsync(etcd);
            await StopAsync(kvStore);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await etcd.DisposeAsync();
        await kvStore.DisposeAsync();
    }

    private static async Task StopAsync(Task<ServerUnderTest> starting)
    {
        await starting.ContinueWith(_ => { }, TaskScheduler.Default);
        if (starting.IsCompletedSuccessfully)
            await starting.Result.DisposeAsync();
    }
}
