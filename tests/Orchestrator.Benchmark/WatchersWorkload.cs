using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Diagnostics;

namespace Orchestrator.Benchmark;

/// <summary>Many watchers of one resource: how long it takes until the last of them has a change.</summary>
internal static class WatchersWorkload
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task<bool> RunAsync(int watchers, int connections, int changes, double changesPerSecond)
    {
        using var cluster = new BenchmarkCluster();
        cluster.Start("--hollow-nodes", "1");
        using var writer = cluster.Connect();
        await BenchmarkCluster.SendAsync(writer, HttpMethod.Post, "/api/v1/namespaces/default/configmaps", ConfigMap(0));
        var arrivals = new ConcurrentDictionary<int, Arrival>();
        using var ending = new CancellationTokenSource();
        var clients = Enumerable.Range(0, connections).Select(_ => cluster.Connect(oneConnection: true)).ToList();
        int open = 0;
        var reading = new List<Task>();
        var allOpen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        for (int index = 0; index < watchers; index++)
        {
            reading.Add(WatchAsync(clients[index % connections], arrivals, () =>
            {
                if (Interlocked.Increment(ref open) == watchers)
                    allOpen.TrySetResult();
            }, ending.Token));
        }
        await allOpen.Task.WaitAsync(TimeSpan.FromMinutes(3));
        await Task.Delay(Settling);
        PodsWorkload.Say($"{watchers} watchers over {connections} connections are open, memory {cluster.MemoryMiB()} MiB");

        var processor = cluster.ProcessorTime();
        var times = new Latencies();
        for (int change = 1; change <= changes; change++)
        {
            var arrival = arrivals.GetOrAdd(change, _ => new Arrival(watchers));
            arrival.SentAt = Stopwatch.GetTimestamp();
            await BenchmarkCluster.SendAsync(writer, HttpMethod.Put, "/api/v1/namespaces/default/configmaps/watched", ConfigMap(change));
            var due = TimeSpan.FromSeconds(1 / changesPerSecond) - Stopwatch.GetElapsedTime(arrival.SentAt);
            if (due > TimeSpan.Zero)
                await Task.Delay(due);
        }
        foreach (var arrival in arrivals.Where(entry => entry.Key > 0).Select(entry => entry.Value))
            times.Add(await arrival.All.WaitAsync(Patience));
        PodsWorkload.Say($"from write to last of {watchers} watchers, {changesPerSecond} changes/s: {times}; {(cluster.ProcessorTime() - processor).TotalMilliseconds / changes:0} ms of the server's processor time a change");
        bool isReached = PodsWorkload.Floor("p99 from write to last watcher, ms", times.Percentile(99), 200, isLeast: false);
        await ending.CancelAsync();
        await Task.WhenAll(reading);
        clients.ForEach(client => client.Dispose());
        return isReached;
    }

    private static async Task WatchAsync(
        HttpClient client, ConcurrentDictionary<int, Arrival> arrivals, Action opened, CancellationToken cancellation)
    {
        try
        {
            using var response = await client.GetAsync("/api/v1/namespaces/default/configmaps?watch=true&fieldSelector=metadata.name%3Dwatched&timeoutSeconds=3600",
                HttpCompletionOption.ResponseHeadersRead, cancellation);
            response.EnsureSuccessStatusCode();
            await using var stream = await response.Content.ReadAsStreamAsync(cancellation);
            var buffer = new byte[8192];
            int length = 0;
            bool isOpen = false;
            while (true)
            {
                int read = await stream.ReadAsync(buffer.AsMemory(length), cancellation);
                if (read == 0)
                    throw new InvalidOperationException("a watch ended");
                length += read;
                int end;
                while ((end = buffer.AsSpan(0, length).IndexOf((byte)'\n')) >= 0)
                {
                    int change = ValueIn(buffer.AsSpan(0, end));
                    buffer.AsSpan(end + 1, length - end - 1).CopyTo(buffer);
                    length -= end + 1;
                    if (!isOpen)
                    {
                        isOpen = true;
                        opened();
                    }
                    else if (change > 0 && arrivals.TryGetValue(change, out var arrival))
                    {
                        arrival.Note();
                    }
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The measurement is over.
        }
    }

    private static int ValueIn(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> mark = "\"change\":\""u8;
        int at = line.IndexOf(mark);
        return at >= 0 && Utf8Parser.TryParse(line[(at + mark.Length)..], out int value, out _) ? value : 0;
    }

    private static string ConfigMap(int change) =>
        $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"watched"},"data":{"change":"{{{change}}}"}}""";

    /// <summary>When the last of all watchers had one change.</summary>
    private sealed class Arrival(int watchers)
    {
        private readonly TaskCompletionSource<TimeSpan> _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _missing = watchers;

        public long SentAt { get; set; }

        public Task<TimeSpan> All => _all.Task;

        public void Note()
        {
            if (Interlocked.Decrement(ref _missing) == 0)
                _all.TrySetResult(Stopwatch.GetElapsedTime(SentAt));
        }
    }
}
