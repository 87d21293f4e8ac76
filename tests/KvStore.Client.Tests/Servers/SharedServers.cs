using System.Collections.Concurrent;

namespace KvStore.Client.Tests.Servers;

/// <summary>One running member of each kind for tests that leave it as usable as they found it; started when first asked for.</summary>
public sealed class SharedServers : IAsyncLifetime
{
    private readonly ConcurrentDictionary<ServerKind, Lazy<Task<ServerUnderTest>>> _servers = new();

    internal Task<ServerUnderTest> GetAsync(ServerKind kind) => _servers
        .GetOrAdd(kind, static kind => new Lazy<Task<ServerUnderTest>>(() => ServerUnderTest.StartAsync(kind))).Value;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var server in _servers.Values)
            await (await server.Value).DisposeAsync();
    }
}
