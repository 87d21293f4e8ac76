namespace KvStore.Client;

/// <summary>Asks the cluster for its endpoints, time and again.</summary>
internal sealed class EndpointSync : IAsyncDisposable
{
    private readonly CancellationTokenSource _lifetime = new();
    private readonly Task _loop;

    public EndpointSync(EtcdClient client, ClientOptions options) =>
        _loop = RunAsync(client, options.EndpointSyncInterval, options.TimeProvider);

    public async ValueTask DisposeAsync()
    {
        await _lifetime.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _lifetime.Dispose();
    }

    private async Task RunAsync(EtcdClient client, TimeSpan interval, TimeProvider time)
    {
        try
        {
            while (true)
            {
                await Task.Delay(interval, time, _lifetime.Token).ConfigureAwait(false);
                await TryAsync(client).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed: the only one who cancels.
        }
    }

    private async Task TryAsync(EtcdClient client)
    {
        try
        {
            await client.SyncEndpointsAsync(_lifetime.Token).ConfigureAwait(false);
        }
        catch (EtcdException)
        {
            // The endpoints stay as they are; whoever makes a call meets the same failure and is told.
        }
    }
}
