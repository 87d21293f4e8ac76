namespace KvStore.Compatibility.Tests.Requests;

/// <summary>Servers for one test.</summary>
internal sealed class Fresh : IAsyncDisposable
{
    private readonly RequestServers _servers = new();

    private Fresh()
    {
    }

    public static async Task<Fresh> StartAsync()
    {
        var fresh = new Fresh();
        await fresh._servers.InitializeAsync();
        return fresh;
    }

    public Task CompareAsync(Func<RecordedClient, Task> script) => _servers.CompareAsync(script);

    public async ValueTask DisposeAsync() => await _servers.DisposeAsync();
}
