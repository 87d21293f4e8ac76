using KvStore.Compatibility.Tests.Servers;
using KvStore.Testing;

namespace KvStore.Compatibility.Tests.Requests;

/// <summary>The pair of servers that the tests of raw requests share, one after the other.</summary>
/// <remarks>Both get the same requests, so their revisions stay equal from test to test.</remarks>
public sealed class RequestServers : IAsyncLifetime
{
    private int _requests;

    private ServerPair? _servers;

    public async Task InitializeAsync()
    {
        if (!Lanes.IsFast)
            _servers = await ServerPair.StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (_servers is null)
            return;
        await _servers.DisposeAsync();
        Figures.Report($"Compatibility: {_requests} raw gRPC requests answered as by etcd");
    }

    /// <summary>Asks ours alone, about what 3.5 does not know.</summary>
    internal async Task AskKvStoreAsync(Func<RecordedClient, Task> script)
    {
        if (_servers is null)
            return; // The fast lane starts no servers.
        using var kvStore = new RecordedClient(_servers.KvStore);
        await script(kvStore);
    }

    /// <summary>As <see cref="CompareAsync"/>, for one test with servers of its own; counted with the others.</summary>
    internal async Task CompareFreshAsync(Func<RecordedClient, Task> script)
    {
        var fresh = new RequestServers();
        await fresh.InitializeAsync();
        try
        {
            await fresh.CompareAsync(script);
            _requests += fresh._requests;
        }
        finally
        {
            if (fresh._servers is { } started)
                await started.DisposeAsync();
        }
    }

    /// <summary>Lets both servers do the same and holds what they answered against each other.</summary>
    internal async Task CompareAsync(Func<RecordedClient, Task> script)
    {
        if (_servers is null)
            return; // The fast lane starts no servers.
        using var etcd = new RecordedClient(_servers.Etcd);
        using var kvStore = new RecordedClient(_servers.KvStore);

        await Task.WhenAll(RunAsync(etcd, script), RunAsync(kvStore, script));

        Transcript.AssertEqual(etcd.Transcript, kvStore.Transcript);
        Interlocked.Add(ref _requests, kvStore.Transcript.Count);
    }

    /// <summary>Begins with an empty store; an error that comes later shows what led to it.</summary>
    private static async Task RunAsync(RecordedClient client, Func<RecordedClient, Task> script)
    {
        try
        {
            await client.DeleteAsync("\0", Request.FromKey);
            await script(client);
        }
        catch (Exception failure) when (failure is not Xunit.Sdk.XunitException)
        {
            throw new InvalidOperationException(
                $"""
                {(client.IsEtcd ? "etcd" : "kvstore")} after {client.Transcript.Count} steps ({client.Transcript.Last}): {failure.Message}
                {client.ServerLog}
                """,
                failure);
        }
    }
}
