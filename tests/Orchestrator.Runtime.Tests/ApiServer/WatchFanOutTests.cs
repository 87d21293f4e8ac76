using System.Diagnostics;
using System.Globalization;
using System.Net;
using KvStore.Client;
using KvStore.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>Many watchers of one resource. The long lane measures what is asked for: 5,000 over 100 connections.</summary>
public sealed class WatchFanOutTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task Every_change_reaches_every_watcher()
    {
        int connections = Lanes.Pick(5, 10, 100);
        int watchersEach = Lanes.Pick(10, 20, 50);
        int changes = Lanes.Pick(5, 10, 150);
        string path = $"/api/v1/namespaces/{await server.NewNamespaceAsync()}/configmaps";
        await server.SendAsync(HttpMethod.Post, path, """{"metadata":{"name":"c"},"data":{"n":"0"}}""");
        var clients = Enumerable.Range(0, connections).Select(_ => NewClient()).ToList();
        var watches = await Task.WhenAll(clients.SelectMany(client =>
            Enumerable.Range(0, watchersEach).Select(_ => WatchReader.OpenAsync(client, path + "?watch=true"))));
        try
        {
            foreach (var watch in watches)
                Assert.Equal("ADDED c", await watch.NextTextAsync());
            var latencies = new List<double>();
            for (int change = 1; change <= changes; change++)
            {
                var seen = watches.Select(watch => watch.NextAsync()).ToArray();
                long start = Stopwatch.GetTimestamp();
                string patch = $$"""{"data":{"n":"{{change}}"} }""";
                await server.SendAsync(HttpMethod.Patch, path + "/c", patch, "application/merge-patch+json");
                var events = await Task.WhenAll(seen).WaitAsync(Limit);
                latencies.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                Assert.All(events, seenEvent => Assert.Equal(
                    change.ToString(CultureInfo.InvariantCulture), seenEvent!.Value.Object["data"]!["n"]!.GetValue<string>()));
            }

            latencies.Sort();
            Figures.Report(string.Create(
                CultureInfo.InvariantCulture,
                $"watch fan-out: {watches.Length} watchers on {connections} connections, {changes} changes: write to last watcher p50 {latencies[latencies.Count / 2]:0} ms, p99 {latencies[(int)(latencies.Count * 0.99)]:0} ms"));
        }
        finally
        {
            foreach (var watch in watches)
                watch.Dispose();
            foreach (var client in clients)
                client.Dispose();
        }
    }

    [Fact]
    public async Task A_watcher_that_does_not_read_is_let_go_and_holds_nobody_up()
    {
        const int batches = 101;
        const int batchSize = 100;
        string ns = "slow-" + Guid.NewGuid().ToString("N")[..8];
        var resource = new StoredResource(
            ResourceTable.Served.Find("", "v1", "configmaps")!, server.Store, TimeProvider.System, NullLoggerFactory.Instance);
        await using var cache = new WatchCache(server.Store, resource, TimeProvider.System, NullLogger.Instance);
        await cache.FilledAsync(default).WaitAsync(Limit);
        var filter = new WatchFilter(ns, "", null, null);
        using var slow = cache.WatchFromNow(filter, static _ => { });
        using var reader = cache.WatchFromNow(filter, static _ => { });
        var reading = CountAsync(reader, batches * batchSize);

        for (int batch = 0; batch < batches; batch++)
        {
            var txn = new Txn();
            for (int index = 0; index < batchSize; index++)
            {
                string name = $"c{batch}-{index}";
                txn.Then(Do.Put(
                    $"/registry/configmaps/{ns}/{name}",
                    $$"""{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"{{name}}","namespace":"{{ns}}"} }"""));
            }

            await server.Store.Kv.TxnAsync(txn);
        }

        Assert.Equal(batches * batchSize, await reading.WaitAsync(Limit));
        Assert.True(slow.LetGo.IsCancellationRequested);
        Assert.False(reader.LetGo.IsCancellationRequested);
        await server.Store.Kv.DeleteAsync(KeyRange.Prefix($"/registry/configmaps/{ns}/"));
    }

    [Fact]
    public async Task Who_waited_in_vain_for_a_revision_is_forgotten()
    {
        var resource = new StoredResource(
            ResourceTable.Served.Find("", "v1", "configmaps")!, server.Store, TimeProvider.System, NullLoggerFactory.Instance);
        await using var cache = new WatchCache(server.Store, resource, TimeProvider.System, NullLogger.Instance);
        using var leaving = new CancellationTokenSource();

        Task cancelled = cache.ReachAsync(long.MaxValue, Limit, leaving.Token);
        bool isReached = await cache.ReachAsync(long.MaxValue, TimeSpan.FromMilliseconds(1), default);
        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.False(isReached);
        Assert.Equal(0, cache.WaitingCount);
    }

    private static async Task<int> CountAsync(Watcher watcher, int wanted)
    {
        int count = 0;
        while (count < wanted && await watcher.WaitToTakeAsync(CancellationToken.None))
        {
            while (watcher.TryTake(out _))
                count++;
        }

        return count;
    }

    private HttpClient NewClient()
    {
#pragma warning disable CA5399 // The certificate is made by this test.
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        return new HttpClient(handler)
        {
            BaseAddress = server.Server.Address,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Timeout.InfiniteTimeSpan,
        };
#pragma warning restore CA5399
    }
}
